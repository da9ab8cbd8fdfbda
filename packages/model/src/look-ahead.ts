import type { JobId } from "./ids.ts";

/** A job that waits for others. */
export interface BlockedJob {
  readonly jobId: JobId;
  /** Those of its needs that have not ended. */
  readonly needs: readonly JobId[];
  readonly expectedMs: number;
}

/** Chains of needs are followed so far; what stands behind is not about to be ready. */
const LINKS_MAX = 4;

/**
 * In how many milliseconds blocked jobs are expected to be ready: when the last of their needs ends. `endsInMs` says it of
 * jobs that an agent has or that are queued. Jobs that need something of which nothing is known are left out.
 */
export function lookAhead(
  blocked: readonly BlockedJob[],
  endsInMs: ReadonlyMap<JobId, number>,
): ReadonlyMap<JobId, number> {
  const ends = new Map(endsInMs);
  const ready = new Map<JobId, number>();
  for (let link = 0; link < LINKS_MAX; link++) {
    const found = blocked.flatMap((job) => {
      if (ready.has(job.jobId)) return [];
      const times = job.needs.map((id) => ends.get(id));
      return times.every((time) => time !== undefined) ? [{ job, inMs: Math.max(0, ...times) }] : [];
    });
    if (found.length === 0) break;
    for (const { job, inMs } of found) {
      ready.set(job.jobId, inMs);
      ends.set(job.jobId, inMs + job.expectedMs);
    }
  }
  return ready;
}
