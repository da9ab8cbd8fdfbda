import type { JobId } from "./ids.ts";
import type { Conclusion, JobState } from "./states.ts";

export interface MatrixSibling {
  readonly id: JobId;
  /** The job's key in the workflow: siblings share it. */
  readonly key: string;
  readonly state: JobState;
  readonly conclusion: Conclusion | null;
  readonly failFast: boolean;
  readonly continueOnError: boolean;
  readonly matrixTotal: number;
  /** Its result is of an earlier attempt of the run, which stops nothing that is run again. */
  readonly isCopied: boolean;
}

/** The unfinished jobs that a failed sibling of their matrix takes with it. */
export function decideFailFast(jobs: readonly MatrixSibling[]): JobId[] {
  const failedKeys = new Set(
    jobs
      .filter((job) => job.matrixTotal > 1 && job.failFast && !job.isCopied)
      .filter((job) => job.conclusion === "failure" && !job.continueOnError)
      .map((job) => job.key),
  );
  return jobs.filter((job) => failedKeys.has(job.key) && job.state !== "finished").map((job) => job.id);
}
