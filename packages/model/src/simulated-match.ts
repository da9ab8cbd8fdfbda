import { ageGrants, NO_GRANTS, recordGrants } from "./grant-history.ts";
import type { RepositoryId } from "./ids.ts";
import { type Match, matchOffers } from "./match-offers.ts";
import { type Candidate, type FreeAgent, type PoolRank, plainShare, type RepositoryShare } from "./queue-facts.ts";
import type { TraceJob } from "./trace-job.ts";

/** As many as one look at a real queue shows of each repository. */
const PER_REPOSITORY_MAX = 32;
const OFFERS_MAX = 64;

/** A moment of a simulation, as its queue sees it. */
export interface SimulatedQueue {
  readonly queue: Iterable<{ readonly job: TraceJob; readonly sinceMs: number }>;
  readonly running: Iterable<TraceJob>;
  readonly free: readonly FreeAgent[];
  readonly nowMs: number;
}

/** Whom the queue of a simulated pool gives its free agents to, by the function that decides it in a farm. */
export function createSimulatedMatch(pool: PoolRank, jobsMax: number | null): (of: SimulatedQueue) => readonly Match[] {
  let history = NO_GRANTS;
  return ({ queue, running, free, nowMs }) => {
    const shares = new Map<RepositoryId, RepositoryShare>();
    const candidates = windowOf(queue, nowMs);
    for (const { repositoryId, owner } of candidates) shares.set(repositoryId, plainShare(owner));
    let openCount = 0;
    const ownerOpen = new Map<string, number>();
    for (const { repositoryId, owner } of running) {
      openCount += 1;
      ownerOpen.set(owner, (ownerOpen.get(owner) ?? 0) + 1);
      const share = shares.get(repositoryId);
      if (share !== undefined) shares.set(repositoryId, { ...share, open: share.open + 1 });
    }
    for (const [id, share] of shares) shares.set(id, { ...share, ownerOpen: ownerOpen.get(share.owner) ?? 0 });
    history = ageGrants(history, { atMs: nowMs, shares });
    const { matches } = matchOffers(candidates, free, {
      pool,
      poolJobsLeft: jobsMax === null ? null : Math.max(0, jobsMax - openCount),
      otherPools: [],
      shares,
      history,
      offersMax: OFFERS_MAX,
    });
    history = recordGrants(history, matches);
    return matches;
  };
}

function windowOf(queue: SimulatedQueue["queue"], nowMs: number): Candidate[] {
  const shown = new Map<RepositoryId, number>();
  const candidates: Candidate[] = [];
  for (const { job, sinceMs } of queue) {
    const count = (shown.get(job.repositoryId) ?? 0) + 1;
    shown.set(job.repositoryId, count);
    if (count <= PER_REPOSITORY_MAX) candidates.push({ ...job, waitedMs: nowMs - sinceMs });
  }
  return candidates;
}
