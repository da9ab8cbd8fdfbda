import type { Agent } from "@windrow/contract";
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

const DISABLED: Look = { icon: "✗", word: "disabled", colour: "red" };
const UNFIT: Look = { icon: "!", word: "unfit", colour: "red" };
const OFFLINE: Look = { icon: "○", word: "offline", colour: "gray" };

/** One that was stopped in order is not missed: it is shown as offline. */
export function lookOfAgent({
  state,
  stopped_at,
  disabled_at,
  unfit_reason,
}: Pick<Agent, "state" | "stopped_at" | "disabled_at" | "unfit_reason">): Look {
  if (disabled_at !== null && state !== "removed") return DISABLED;
  if (unfit_reason !== null && (state === "ready" || state === "draining")) return UNFIT;
  return state === "lost" && stopped_at !== null ? OFFLINE : LOOKS[state];
}
