import type { Conclusion } from "./states.ts";

/** What the status functions answer for a job, from the results of everything it needs, directly or not. */
export interface JobStatus {
  readonly success: boolean;
  readonly failure: boolean;
  readonly cancelled: boolean;
}

/**
 * `success()` only when every ancestor succeeded, so that a skipped or failed one skips the whole chain after it;
 * `failure()` when any ancestor failed. In a cancelled run both say no.
 */
export function jobStatus(ancestors: readonly Conclusion[], isRunCancelled: boolean): JobStatus {
  return {
    success: !isRunCancelled && ancestors.every((result) => result === "success"),
    failure: !isRunCancelled && ancestors.includes("failure"),
    cancelled: isRunCancelled,
  };
}
