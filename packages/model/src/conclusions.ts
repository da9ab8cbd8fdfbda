import type { Conclusion, Outcome } from "./states.ts";

const JOB_CONCLUSIONS: Record<Outcome, Conclusion> = {
  succeeded: "success",
  failed: "failure",
  cancelled: "cancelled",
  skipped: "skipped",
  timed_out: "cancelled",
  lost: "failure",
};

const STEP_CONCLUSIONS: Record<Outcome, Conclusion> = { ...JOB_CONCLUSIONS, timed_out: "failure" };

/** The one table from a job's outcome to GitHub's word; `continue-on-error` turns a failure into a success for the run only. */
export function concludeJob(outcome: Outcome): Conclusion {
  return JOB_CONCLUSIONS[outcome];
}

/** A step's outcome in GitHub's words (`steps.x.outcome`). */
export function stepOutcomeWord(outcome: Outcome): Conclusion {
  return STEP_CONCLUSIONS[outcome];
}

/** A step's conclusion (`steps.x.conclusion`): a failure under `continue-on-error` counts as success. */
export function concludeStep(outcome: Outcome, continueOnError: boolean): Conclusion {
  const word = STEP_CONCLUSIONS[outcome];
  return word === "failure" && continueOnError ? "success" : word;
}

/**
 * A run's conclusion from its jobs: failure if a job failed without `continue-on-error`, else cancelled if one was
 * cancelled, else success; a run whose every job was skipped is skipped.
 */
export function concludeRun(jobs: readonly { conclusion: Conclusion; continueOnError: boolean }[]): Conclusion {
  if (jobs.some((job) => job.conclusion === "failure" && !job.continueOnError)) return "failure";
  if (jobs.some((job) => job.conclusion === "cancelled" && !job.continueOnError)) return "cancelled";
  if (jobs.length > 0 && jobs.every((job) => job.conclusion === "skipped")) return "skipped";
  return "success";
}
