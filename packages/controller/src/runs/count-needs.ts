import type { NewJob } from "@windrow/store";

/** Rows that say which job waits for which; matrices that wait for matrices multiply. */
export const NEEDS_MAX = 50_000;

/** How many such rows jobs that are inserted together have. */
export function countNeeds(jobs: readonly Pick<NewJob, "key" | "needs">[]): number {
  const byKey = new Map<string, number>();
  for (const job of jobs) byKey.set(job.key, (byKey.get(job.key) ?? 0) + 1);
  let count = 0;
  for (const job of jobs) for (const key of job.needs) count += byKey.get(key) ?? 0;
  return count;
}
