import { type AgentClass, createAgentRoom, hasLabels } from "./agent-room.ts";
import { BETTER_POOL_WAIT_MS, createOtherRoom } from "./decide-pool.ts";
import { type GrantHistory, labelsKey, type RecordedGrant } from "./grant-history.ts";
import type { AgentId, JobId, RepositoryId } from "./ids.ts";
import {
  type Candidate,
  type FreeAgent,
  type PoolRank,
  type PoolRoom,
  plainShare,
  type RepositoryShare,
} from "./queue-facts.ts";

export interface MatchOptions {
  readonly pool: PoolRank;
  /** How many more jobs the pool may run; null: as many as it has slots. */
  readonly poolJobsLeft: number | null;
  /** Other pools that have free slots now; what they could not take does not wait for them. */
  readonly otherPools: readonly PoolRoom[];
  /** Of every repository among the candidates; one that is absent has nothing open, weight 1 and no limit. */
  readonly shares: ReadonlyMap<RepositoryId, RepositoryShare>;
  /** As `ageGrants` gave it for this moment. */
  readonly history: GrantHistory;
  readonly offersMax: number;
}

export interface Match extends RecordedGrant {
  readonly jobId: JobId;
  readonly agentId: AgentId;
  /** The agent has the repository's files already. */
  readonly isWarm: boolean;
}

export interface MatchPass {
  /** In the order of their rank. */
  readonly matches: readonly Match[];
  /** When to look again for jobs that were left to a better pool, ms; null when there are none. */
  readonly recheckMs: number | null;
}

/** Waiting this long raises a job by one priority, up to the highest that anybody queued. */
export const AGING_EVERY_MS = 60_000;
/** Jobs with this priority or a higher one were moved to the top of the queue by a person. */
export const TOP_PRIORITY = 1_000_000;
/** One grant of so many to agents that fit a job goes to who waited longest; of more when more owners wait. */
export const OLDEST_TURN_EVERY = 16;
/** Jobs that were left to another pool are looked at again after this long. */
const RECHECK_MS = 100;

/**
 * Which free agent gets which job. Jobs that a person moved to the top go first, then those of the highest priority
 * (aged), then the owner that has the least for its weight of what is open and was granted lately, then its repository
 * likewise, then who waited longest. Of the grants to agents that could run a job, every so many go to the job that waited
 * longest of those the agent can run, whatever else is true: that bounds every wait. A job that a better pool has room for is left to
 * it for a moment. The same input always gives the same answer, in whatever order it comes.
 */
export function matchOffers(
  candidates: readonly Candidate[],
  agents: readonly FreeAgent[],
  options: MatchOptions,
): MatchPass {
  const room = createAgentRoom(agents);
  const others = createOtherRoom(options.otherPools);
  const grantsMax = Math.min(options.offersMax, options.poolJobsLeft ?? options.offersMax);
  const sinceOldest = new Map(options.history.sinceOldest);
  const turnEvery = Math.max(OLDEST_TURN_EVERY, 2 * new Set(candidates.map((candidate) => candidate.owner)).size);
  const agedPriority = createAging(candidates);
  const shares = createShares(options);
  const siblingsLeft = new Map<string, number>();
  // what cannot be placed now cannot be placed later in this pass: room and limits only shrink
  const gone = new Set<JobId>();
  const allowed = candidates.filter(({ trust }) => trust === "trusted" || options.pool.untrustedAllowed);
  const byAge = [...allowed].sort(compareAge);
  const kinds = new Map(byAge.map(({ labels }) => [labelsKey(labels), labels]));
  const fitting = new Map<string, readonly string[]>();
  const queues = groupByRepository(allowed, (a, b) => agedPriority(b) - agedPriority(a) || compareAge(a, b));
  const matches: Match[] = [];
  let recheckMs: number | null = null;

  while (matches.length < grantsMax && room.isFree()) {
    const match = takeOldestTurn() ?? takeFairTurn();
    if (match === undefined) break;
    matches.push(match);
  }
  return { matches, recheckMs };

  function takeOldestTurn(): Match | undefined {
    for (const [key, labels] of kinds) {
      if ((sinceOldest.get(key) ?? 0) + 1 < turnEvery) continue;
      const agentClass = room.freeClasses().find((free) => hasLabels(free, labels));
      if (agentClass === undefined) continue;
      for (const candidate of byAge) {
        if (gone.has(candidate.jobId) || !hasLabels(agentClass, candidate.labels)) continue;
        const match = place(candidate, agentClass);
        if (match !== undefined) return match;
      }
    }
    return undefined;
  }

  function takeFairTurn(): Match | undefined {
    for (let queue = pickQueue(); queue !== undefined; queue = pickQueue()) {
      const candidate = queue.shift();
      if (candidate === undefined) return undefined;
      const match = place(candidate);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  function place(candidate: Candidate, ofClass?: AgentClass): Match | undefined {
    const { jobId, labels, owner, repositoryId, siblingLimit } = candidate;
    gone.add(jobId);
    if (shares.jobsLeft(repositoryId) <= 0) return undefined;
    const left = siblingLimit === undefined ? 1 : (siblingsLeft.get(siblingLimit.key) ?? siblingLimit.left);
    if (left <= 0 || !room.fits(labels)) return undefined;
    if (others.leave(candidate, options.pool)) {
      const leftMs = Math.min(RECHECK_MS, BETTER_POOL_WAIT_MS - candidate.waitedMs);
      recheckMs = Math.max(1, Math.min(recheckMs ?? RECHECK_MS, leftMs));
      return undefined;
    }
    const warm = shares.of(candidate).warmAgentIds;
    const taken = room.take({ labels, warm, ...(ofClass !== undefined && { ofClass }) });
    if (taken === undefined) return undefined;
    const isOldestTurn = ofClass !== undefined;
    const fittingLabels = fittingOf(taken.agentClass);
    for (const key of fittingLabels) sinceOldest.set(key, isOldestTurn ? 0 : (sinceOldest.get(key) ?? 0) + 1);
    if (siblingLimit !== undefined) siblingsLeft.set(siblingLimit.key, left - 1);
    shares.add(candidate);
    const { agentId, isWarm } = taken;
    return { jobId, agentId, owner, repositoryId, fittingLabels, isOldestTurn, isWarm };
  }

  /** What the candidates that agents of this class could run ask for. */
  function fittingOf(agentClass: AgentClass): readonly string[] {
    const known = fitting.get(agentClass.key);
    if (known !== undefined) return known;
    const found = [...kinds].filter(([, labels]) => hasLabels(agentClass, labels)).map(([key]) => key);
    fitting.set(agentClass.key, found);
    return found;
  }

  /** The repository whose first job goes next. */
  function pickQueue(): Candidate[] | undefined {
    let best: Candidate[] | undefined;
    for (const queue of queues) {
      while (queue[0] !== undefined && gone.has(queue[0].jobId)) queue.shift();
      const head = queue[0];
      if (head === undefined) continue;
      if (best?.[0] === undefined || compareHeads(head, best[0]) < 0) best = queue;
    }
    return best;
  }

  function compareHeads(a: Candidate, b: Candidate): number {
    return (
      agedPriority(b) - agedPriority(a) ||
      shares.ofOwner(a) - shares.ofOwner(b) ||
      shares.ofRepository(a) - shares.ofRepository(b) ||
      compareAge(a, b)
    );
  }
}

const compareAge = (a: Candidate, b: Candidate): number => b.waitedMs - a.waitedMs || a.jobId - b.jobId;

/** Aging ends at the highest priority that anybody queued: it ends starvation, and beats no fairness. */
function createAging(candidates: readonly Candidate[]): (candidate: Candidate) => number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const { priority } of candidates) if (priority < TOP_PRIORITY && priority > highest) highest = priority;
  return ({ priority, waitedMs }) =>
    priority >= TOP_PRIORITY ? priority : Math.min(highest, priority + Math.floor(waitedMs / AGING_EVERY_MS));
}

function groupByRepository(
  candidates: readonly Candidate[],
  compare: (a: Candidate, b: Candidate) => number,
): Candidate[][] {
  const groups = new Map<RepositoryId, Candidate[]>();
  for (const candidate of candidates) {
    const group = groups.get(candidate.repositoryId);
    if (group === undefined) groups.set(candidate.repositoryId, [candidate]);
    else group.push(candidate);
  }
  return [...groups.values()].map((group) => group.sort(compare));
}

/** What everybody has for its weight, counted on while the pass goes on. */
function createShares({ shares, history }: MatchOptions) {
  const ownerAdded = new Map<string, number>();
  const added = new Map<RepositoryId, number>();
  const of = ({ repositoryId, owner }: Candidate): RepositoryShare => shares.get(repositoryId) ?? plainShare(owner);
  return {
    of,
    // a grant of this pass is open and recent at once
    ofOwner(candidate: Candidate): number {
      const { owner, ownerOpen, ownerWeight } = of(candidate);
      return (ownerOpen + (history.owners.grants.get(owner) ?? 0) + 2 * (ownerAdded.get(owner) ?? 0)) / ownerWeight;
    },
    ofRepository(candidate: Candidate): number {
      const { open, weight } = of(candidate);
      const recent = history.repositories.grants.get(candidate.repositoryId) ?? 0;
      return (open + recent + 2 * (added.get(candidate.repositoryId) ?? 0)) / weight;
    },
    jobsLeft: (id: RepositoryId): number =>
      (shares.get(id)?.jobsLeft ?? Number.POSITIVE_INFINITY) - (added.get(id) ?? 0),
    add({ repositoryId, owner }: Candidate): void {
      ownerAdded.set(owner, (ownerAdded.get(owner) ?? 0) + 1);
      added.set(repositoryId, (added.get(repositoryId) ?? 0) + 1);
    },
  };
}
