import type { JobState } from "./states.ts";

/** A job of a run that somebody cancels. */
export interface CancelledJob {
  readonly state: JobState;
  readonly kind: "ordinary" | "call";
  /** Its `if`, judged again with the run cancelled, still says yes (`always()`, `cancelled()`). */
  readonly isWanted: boolean;
  /** The run was cancelled before and somebody cancels it again. */
  readonly isAgain: boolean;
}

/**
 * What a cancel of the run does to a job: `end` it at once (no agent has it), `ask` its agent to end it, or `leave` it.
 * As documented the condition is judged again, so a job that wants to run after a cancel stays as it is, in whatever
 * state, until somebody cancels a second time. A call that is open ends with the jobs inside it, and what is finished
 * stays so.
 */
export function decideCancel({ state, kind, isWanted, isAgain }: CancelledJob): "end" | "ask" | "leave" {
  if (isWanted && !isAgain) return "leave";
  switch (state) {
    case "blocked":
    case "queued":
      return "end";
    case "leased":
    case "running":
      return kind === "call" ? "leave" : "ask";
    case "finished":
      return "leave";
  }
}
