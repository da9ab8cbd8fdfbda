import type { JobId } from "./ids.ts";
import type { Candidate, PoolRank, PoolRoom } from "./queue-facts.ts";

/** A job is left to a better pool for at most this long, and only while that one has room for it. */
export const BETTER_POOL_WAIT_MS = 800;

/**
 * The pool a job goes to of those that have room for it: its language's, then the one with the highest priority, then
 * in proportion to their weights, so that the same job always goes to the same of the same pools.
 */
export function comparePools(job: Pick<Candidate, "jobId" | "preferredPool">, a: PoolRank, b: PoolRank): number {
  const preferred = Number(b.name === job.preferredPool) - Number(a.name === job.preferredPool);
  return (
    preferred || b.priority - a.priority || scoreOf(job.jobId, b) - scoreOf(job.jobId, a) || (a.name < b.name ? -1 : 1)
  );
}

/** The room of other pools during one pass: jobs left to a pool use it up, so that no more are left than it can take. */
export interface OtherRoom {
  /** Leaves the job to a better pool than `here` if one has room for it; false when the job is to be taken here. */
  leave(job: Candidate, here: PoolRank): boolean;
}

export function createOtherRoom(pools: readonly PoolRoom[]): OtherRoom {
  const rooms = pools.map((pool) => ({
    pool,
    left: pool.jobsLeft ?? Number.POSITIVE_INFINITY,
    rooms: pool.rooms.map((room) => ({ labels: new Set(room.labels), left: room.freeSlots })),
  }));
  return {
    leave(job, here) {
      if (job.waitedMs >= BETTER_POOL_WAIT_MS) return false;
      let best: { readonly pool: PoolRank; take(): void } | undefined;
      for (const other of rooms) {
        if (other.left <= 0 || (job.trust === "untrusted" && !other.pool.untrustedAllowed)) continue;
        if (comparePools(job, other.pool, best?.pool ?? here) > 0) continue;
        const room = other.rooms.find(({ labels, left }) => left > 0 && job.labels.every((label) => labels.has(label)));
        if (room === undefined) continue;
        best = {
          pool: other.pool,
          take() {
            other.left -= 1;
            room.left -= 1;
          },
        };
      }
      best?.take();
      return best !== undefined;
    },
  };
}

/** Weighted rendezvous: of many jobs each pool scores highest for a part in proportion to its weight. */
function scoreOf(jobId: JobId, pool: PoolRank): number {
  return pool.weight / -Math.log(hashToUnit(`${jobId}/${pool.name}`));
}

/** FNV-1a with a last mix, as a number between 0 and 1 (both excluded). */
function hashToUnit(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 4_294_967_296;
}
