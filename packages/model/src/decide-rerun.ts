import type { JobId } from "./ids.ts";
import type { Conclusion } from "./states.ts";

/** A finished job of a run, as the choice of a rerun sees it. */
export interface RerunJob {
  readonly id: JobId;
  readonly key: string;
  readonly kind: "ordinary" | "call";
  /** The call whose workflow it is a job of. */
  readonly parentJobId: JobId | null;
  /** Jobs of the same file it waited for. */
  readonly needs: readonly JobId[];
  readonly conclusion: Conclusion | null;
  readonly matrixIndex: number;
  /** Its matrix was computed from the outputs of its needs. */
  readonly isComputed: boolean;
}

/** Everything; what did not succeed; or one job. */
export type RerunMode = "all" | "failed" | { readonly jobId: number };

/** What becomes of the jobs in the next attempt of a run; all others are copied with their results. */
export interface RerunDecision {
  /** They start anew. */
  readonly again: readonly JobId[];
  /** Calls that go on with some of their jobs, whose other jobs are copied. */
  readonly reopened: readonly JobId[];
  /** They are not copied: their call, or their matrix, makes them anew. */
  readonly dropped: readonly JobId[];
  /** Of those that start anew: they stand for a whole matrix, which is computed again. */
  readonly recomputed: readonly JobId[];
}

/**
 * Which jobs a rerun takes: those asked for, and whatever depends on them. A call that starts anew makes its jobs anew,
 * and so does a computed matrix whose needs run again. Nothing in `again` when there is nothing to run.
 */
export function decideRerun(jobs: readonly RerunJob[], mode: RerunMode): RerunDecision {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const again = new Set(chooseFirst(jobs, mode).map((job) => job.id));
  const reopened = new Set<JobId>();
  const remade = new Set(mode === "all" ? again : []);
  // jobs come in the order of the file, which need not be the order of needs
  for (let before = -1; before !== again.size + reopened.size; ) {
    before = again.size + reopened.size;
    for (const job of jobs) {
      if (job.needs.some((id) => again.has(id) || reopened.has(id))) {
        again.add(job.id);
        remade.add(job.id);
      }
      const isTouched = again.has(job.id) || reopened.has(job.id);
      if (isTouched && job.parentJobId !== null) reopened.add(job.parentJobId);
    }
  }
  const dropped = jobs.filter((job) => isInsideOf(again, job, byId) || isRowOf(remade, job));
  const gone = new Set(dropped.map((job) => job.id));
  const keep = (ids: ReadonlySet<JobId>) => jobs.map((job) => job.id).filter((id) => ids.has(id) && !gone.has(id));
  return {
    again: keep(again),
    reopened: keep(reopened).filter((id) => !again.has(id)),
    dropped: [...gone],
    recomputed: keep(again).filter((id) => remade.has(id) && byId.get(id)?.isComputed === true),
  };
}

function chooseFirst(jobs: readonly RerunJob[], mode: RerunMode): RerunJob[] {
  if (mode === "all") return jobs.filter((job) => job.parentJobId === null);
  if (mode !== "failed") return jobs.filter((job) => job.id === mode.jobId);
  // a call failed because of a job inside, unless it never had one
  const calls = new Set(jobs.map((job) => job.parentJobId));
  return jobs.filter((job) => job.conclusion !== "success" && !calls.has(job.id));
}

function isInsideOf(again: ReadonlySet<JobId>, job: RerunJob, byId: ReadonlyMap<JobId, RerunJob>): boolean {
  for (let id = job.parentJobId; id !== null; id = byId.get(id)?.parentJobId ?? null) if (again.has(id)) return true;
  return false;
}

/** The first row stands for all of a computed matrix until that is expanded again. */
function isRowOf(remade: ReadonlySet<JobId>, job: RerunJob): boolean {
  return job.isComputed && job.matrixIndex > 0 && remade.has(job.id);
}
