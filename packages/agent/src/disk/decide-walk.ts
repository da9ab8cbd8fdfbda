/** What is known of one job's folders. */
export interface JobUsage {
  /** Undefined: not limited. */
  readonly bytesMax: number | undefined;
  readonly bytes: number;
  /** Undefined: never walked. */
  readonly walkedAtMs: number | undefined;
  readonly tookMs: number;
  /** What was free on the disk then. */
  readonly freeBytes: number;
}

/** Walks may take this share of the time, and no more than one is made in `WALK_EVERY_MS_MIN`. */
const WALK_SHARE = 0.05;
const WALK_SHARE_HURRIED = 0.5;
export const WALK_EVERY_MS_MIN = 2_000;

/**
 * Whether a job's folders are to be walked now. Small trees take no time and are walked every few seconds, large ones as
 * often as a twentieth of one processor allows; sooner when so much of the disk was taken since that the job may be near
 * its limit. A job without a limit is never walked for itself.
 */
export function decideWalk(job: JobUsage, nowMs: number, freeBytes: number): boolean {
  if (job.bytesMax === undefined) return false;
  if (job.walkedAtMs === undefined) return true;
  const sinceMs = nowMs - job.walkedAtMs;
  if (sinceMs >= Math.max(WALK_EVERY_MS_MIN, job.tookMs / WALK_SHARE)) return true;
  const isNear = job.freeBytes - freeBytes >= (job.bytesMax - job.bytes) / 2;
  return isNear && sinceMs >= job.tookMs / WALK_SHARE_HURRIED;
}
