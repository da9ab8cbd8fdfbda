import type { ViewedJob } from "./run-view.ts";

/** Jobs as people read them: in the order they were made, those of a called workflow right below the job that calls it. */
export function orderJobs<J extends ViewedJob>(jobs: readonly J[]): J[] {
  const byParent = new Map<number | null, J[]>();
  const ids = new Set(jobs.map((job) => job.id));
  for (const job of jobs) {
    const parent = job.parent_job_id !== null && ids.has(job.parent_job_id) ? job.parent_job_id : null;
    byParent.set(parent, [...(byParent.get(parent) ?? []), job]);
  }
  const below = (parent: number | null): J[] => (byParent.get(parent) ?? []).flatMap((job) => [job, ...below(job.id)]);
  return below(null);
}
