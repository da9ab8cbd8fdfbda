import type { AgentState } from "@windrow/model";
import type { Look } from "../live/job-words.ts";

const LOOKS: Record<AgentState, Look> = {
  joining: { icon: "○", word: "joining", colour: "gray" },
  ready: { icon: "●", word: "ready", colour: "green" },
  draining: { icon: "◐", word: "draining", colour: "yellow" },
  suspect: { icon: "?", word: "suspect", colour: "yellow" },
  lost: { icon: "✗", word: "lost", colour: "red" },
  removed: { icon: "-", word: "removed", colour: "gray" },
};

export function lookOfAgent(state: AgentState): Look {
  return LOOKS[state];
}
