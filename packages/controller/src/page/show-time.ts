import type { RunView } from "@windrow/store";
import { type Html, html } from "./html.ts";

/** An instant for people, to the second, in UTC. */
export function showTime(time: Date | null): Html | undefined {
  if (time === null) return undefined;
  const iso = time.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace("T", " ")}</time>`;
}

/** How long something took, or takes up to now. */
export function showDuration(from: Date | null, to: Date | null, nowMs: number): string {
  if (from === null) return "";
  const seconds = Math.max(0, Math.round(((to?.getTime() ?? nowMs) - from.getTime()) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** A run's state; one whose every job still waits for an agent is shown as queued. */
export function showRunState(run: Pick<RunView, "state" | "conclusion" | "has_started">): Html {
  return showState(run.state === "running" && !run.has_started ? "queued" : run.state, run.conclusion);
}

/** A state or, once it is known, how it ended. */
export function showState(state: string, conclusion: string | null): Html {
  const word = conclusion ?? state;
  return html`<span class="state ${word}">${word}</span>`;
}
