import { comparePools } from "./decide-pool.ts";
import type { JobId, RepositoryId } from "./ids.ts";
import type { PoolRank } from "./queue-facts.ts";
import type { Trust } from "./states.ts";

/** A pool as the demand is shared out: whose agents could run a job, and how many more there could be. */
export interface DemandPool extends PoolRank {
  readonly isPaused: boolean;
  /** The label lists that its agents have, or would have, in lower case. */
  readonly labelSets: readonly (readonly string[])[];
  /** Slots of ready agents that are free now. */
  readonly freeSlots: number;
  /** Slots of agents that are on their way: jobs that they were asked for are not to be counted elsewhere. */
  readonly comingSlots: number;
  /** It is scaled and has fewer agents than its maximum. */
  readonly canGrow: boolean;
  /** How many more jobs it may run at once; null is any number. */
  readonly jobsLeft: number | null;
}

/** A job that wants an agent now or soon. */
export interface WantedJob {
  readonly jobId: JobId;
  readonly repositoryId: RepositoryId;
  /** What `runs-on` asks for, in lower case; null while it is not known, before its needs have ended. */
  readonly labels: readonly string[] | null;
  readonly trust: Trust;
  readonly preferredPool: string | null;
  /** Where a job like this ran the last time. */
  readonly lastPool: string | undefined;
  /** How many more jobs its repository may run at once; null is any number. */
  readonly repositoryLeft: number | null;
  /** Matrix siblings share a key; null when any number may run at once. */
  readonly siblings: { readonly key: string; readonly left: number } | null;
}

/**
 * Which pool is to have room for which job, each job counted once. Of the pools that match it gets the first, in the order
 * in which the queue chooses pools, that has a free slot; else the first that can grow, or has one on the way; else the
 * first. Jobs that a limit keeps from starting, and jobs no pool matches, want no agent. `jobs` in the order in which they
 * are to start.
 */
export function assignDemand(jobs: readonly WantedJob[], pools: readonly DemandPool[]): ReadonlyMap<JobId, string> {
  const open = pools.filter((pool) => !pool.isPaused);
  const free = createSlots(open, ({ freeSlots }) => freeSlots);
  const coming = createSlots(open, ({ comingSlots }) => comingSlots);
  const left = createLimits();
  const assigned = new Map<JobId, string>();
  const matching = createMatcher(open);
  for (const job of jobs) {
    const matches = matching(job).filter((pool) => left.mayStart(job, pool));
    const ranked = matches.sort((a, b) => comparePools(job, a, b));
    const pool = ranked.find(free.isLeft) ?? ranked.find((one) => one.canGrow || coming.isLeft(one)) ?? ranked[0];
    if (pool === undefined) continue;
    assigned.set(job.jobId, pool.name);
    if (free.isLeft(pool)) free.take(pool);
    else coming.take(pool);
    left.count(job, pool);
  }
  return assigned;
}

function createSlots(pools: readonly DemandPool[], countOf: (pool: DemandPool) => number) {
  const left = new Map(pools.map((pool) => [pool.name, countOf(pool)]));
  const leftOf = ({ name }: DemandPool): number => left.get(name) ?? 0;
  return {
    isLeft: (pool: DemandPool): boolean => leftOf(pool) > 0,
    take: (pool: DemandPool): void => void left.set(pool.name, leftOf(pool) - 1),
  };
}

/** Jobs of one label set are many: what matches is looked up once. */
function createMatcher(pools: readonly DemandPool[]) {
  const sets = pools.map((pool) => ({ pool, sets: pool.labelSets.map((labels) => new Set(labels)) }));
  const known = new Map<string, DemandPool[]>();
  return (job: WantedJob): DemandPool[] => {
    const { labels } = job;
    const allowed = (pool: DemandPool) => job.trust === "trusted" || pool.untrustedAllowed;
    if (labels === null) return pools.filter((pool) => pool.name === job.lastPool && allowed(pool));
    const key = labels.join("\n");
    const found =
      known.get(key) ??
      sets.filter((one) => one.sets.some((set) => labels.every((label) => set.has(label)))).map((one) => one.pool);
    known.set(key, found);
    return found.filter(allowed);
  };
}

/** What limits of pools, repositories and matrices leave. */
function createLimits() {
  const used = new Map<string, number>();
  const usedOf = (key: string): number => used.get(key) ?? 0;
  const keysOf = (job: WantedJob, pool: DemandPool): [key: string, left: number | null][] => [
    [`pool ${pool.name}`, pool.jobsLeft],
    [`repository ${job.repositoryId}`, job.repositoryLeft],
    [`matrix ${job.siblings?.key}`, job.siblings?.left ?? null],
  ];
  return {
    mayStart: (job: WantedJob, pool: DemandPool): boolean =>
      keysOf(job, pool).every(([key, left]) => left === null || usedOf(key) < left),
    count(job: WantedJob, pool: DemandPool): void {
      for (const [key, left] of keysOf(job, pool)) if (left !== null) used.set(key, usedOf(key) + 1);
    },
  };
}
