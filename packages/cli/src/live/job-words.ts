import type { JobSummary, RunSummary, Step } from "@windrow/contract";
import { formatDuration } from "../output/duration.ts";
import type { StyleName } from "../output/terminal.ts";

/** How a state looks: the icon repeats what the word says, the colour repeats both. */
export interface Look {
  readonly icon: string;
  readonly word: string;
  readonly colour: StyleName;
}

type Outcome = NonNullable<JobSummary["outcome"]>;
type Conclusion = NonNullable<RunSummary["conclusion"]>;

const OUTCOME_LOOKS: Record<Outcome, Look> = {
  succeeded: { icon: "✓", word: "succeeded", colour: "green" },
  failed: { icon: "✗", word: "failed", colour: "red" },
  cancelled: { icon: "⊘", word: "cancelled", colour: "yellow" },
  skipped: { icon: "-", word: "skipped", colour: "gray" },
  timed_out: { icon: "✗", word: "timed out", colour: "red" },
  lost: { icon: "✗", word: "lost", colour: "red" },
};
const CONCLUSION_LOOKS: Record<Conclusion, Look> = {
  success: OUTCOME_LOOKS.succeeded,
  failure: OUTCOME_LOOKS.failed,
  cancelled: OUTCOME_LOOKS.cancelled,
  skipped: OUTCOME_LOOKS.skipped,
};
const RUNNING: Look = { icon: "●", word: "running", colour: "cyan" };
const CANCELLING: Look = { icon: "●", word: "cancelling", colour: "yellow" };
const WAITING: Look = { icon: "○", word: "waiting", colour: "gray" };
const QUEUED: Look = { ...WAITING, word: "queued" };

/** A run that has begun but whose every job still waits for an agent is shown as queued. */
export function lookOfRun(run: RunSummary): Look {
  if (run.conclusion !== null) return CONCLUSION_LOOKS[run.conclusion];
  if (run.cancel_requested_at !== null) return CANCELLING;
  if (run.state === "waiting") return WAITING;
  return run.has_started ? RUNNING : QUEUED;
}

export function lookOfJob(job: JobSummary): Look {
  if (job.outcome !== null) return OUTCOME_LOOKS[job.outcome];
  if (job.cancel_requested_at !== null) return CANCELLING;
  switch (job.state) {
    case "running":
      return RUNNING;
    case "leased":
      return { ...RUNNING, word: "starting" };
    case "queued":
      return QUEUED;
    case "blocked":
    case "finished":
      return WAITING;
  }
}

export function lookOfStep(step: Step): Look {
  if (step.outcome !== null) return OUTCOME_LOOKS[step.outcome];
  return step.state === "running" ? RUNNING : WAITING;
}

/** What stands behind the word: `on agent-1`, `no free slot in pool default`, `exit code 2`. Empty when there is nothing. */
export function detailOfJob(job: JobSummary): string {
  const attempt = job.attempt_count > 1 ? `attempt ${job.attempt_count}` : "";
  const about = (() => {
    switch (job.state) {
      case "leased":
      case "running":
        return job.agent === null ? "" : `on ${job.agent}`;
      case "blocked":
      case "queued":
        return job.waiting_for ?? "";
      case "finished":
        if (job.message !== null) return job.message;
        // the outcome's own word is said already, and how a call ended is seen by its jobs
        return job.reason === null || job.reason === job.outcome || job.reason === "call"
          ? ""
          : job.reason.replaceAll("_", " ");
    }
  })();
  return [attempt, about].filter((part) => part !== "").join(", ");
}

export function detailOfStep(step: Step): string {
  if (step.fault !== null) return step.fault;
  if (step.signal !== null) return `ended by ${step.signal}`;
  if (step.exit_code !== null && step.exit_code !== 0) return `exit code ${step.exit_code}`;
  return "";
}

/** How long it has been running, or ran; empty before it started, and for what was skipped. */
export function elapsed(
  thing: { readonly started_at: string | null; readonly finished_at: string | null; readonly outcome?: Outcome | null },
  nowMs: number,
): string {
  if (thing.started_at === null || thing.outcome === "skipped") return "";
  const endMs = thing.finished_at === null ? nowMs : Date.parse(thing.finished_at);
  return formatDuration(endMs - Date.parse(thing.started_at));
}
