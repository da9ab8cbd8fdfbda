import {
  type AgentId,
  ageGrants,
  asAgentId,
  asJobId,
  asRepositoryId,
  type Candidate,
  type GrantHistory,
  labelsKey,
  matchOffers,
  NO_GRANTS,
  type PoolRank,
  type PoolRoom,
  type RepositoryId,
  type RepositoryShare,
  recordGrants,
} from "../src/index.ts";

export interface SimulatedJob {
  readonly id: number;
  readonly atMs: number;
  readonly runsMs: number;
  readonly owner: string;
  readonly repository: number;
  readonly labels: readonly string[];
  readonly priority: number;
  readonly preferredPool?: string;
}

export interface SimulatedAgent {
  readonly id: string;
  readonly pool: string;
  readonly labels: readonly string[];
  readonly slots: number;
}

export interface SimulatedFarm {
  readonly pools: readonly (PoolRank & { readonly jobsMax?: number })[];
  readonly agents: readonly SimulatedAgent[];
  readonly jobs: readonly SimulatedJob[];
  readonly untilMs: number;
  /** Ends after so many grants. */
  readonly grantsMax?: number;
  readonly ownerWeights?: Readonly<Record<string, number>>;
  readonly repositoryWeights?: Readonly<Record<number, number>>;
  readonly repositoryLimits?: Readonly<Record<number, number>>;
}

export interface SimulatedGrant {
  readonly job: SimulatedJob;
  readonly agent: SimulatedAgent;
  readonly atMs: number;
  /** Of all grants, from 0. */
  readonly order: number;
}

export interface SimulationAnswer {
  readonly grants: readonly SimulatedGrant[];
  /** Jobs that were never granted. */
  readonly left: readonly SimulatedJob[];
  /** The longest that any job was queued without a break beside a free agent that could run it. */
  readonly besideMsMax: number;
  /** Limits that were exceeded, as sentences. */
  readonly broken: readonly string[];
}

const TICK_MS = 1_000;
const OFFERS_MAX = 64;

interface Waiting {
  readonly job: SimulatedJob;
  besideSinceMs: number | undefined;
}

/** Dispatchers of a farm on a clock of its own, woken as the real ones are: by arrivals, ends, rechecks and ticks. */
export function simulateQueue(farm: SimulatedFarm): SimulationAnswer {
  const events: { readonly atMs: number; run(): void }[] = [];
  const queued = new Map<number, Waiting>();
  const running = new Map<number, { readonly job: SimulatedJob; readonly agent: SimulatedAgent }>();
  const histories = new Map<string, GrantHistory>();
  const rechecks = new Set<string>();
  const grants: SimulatedGrant[] = [];
  const broken: string[] = [];
  const warm = new Map<RepositoryId, Set<AgentId>>();
  let nowMs = 0;
  let besideMsMax = 0;

  /** The next one stands last; of those of one moment the one that was asked for first. */
  const at = (atMs: number, run: () => void) => {
    let [from, to] = [0, events.length];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if ((events[middle]?.atMs ?? 0) > atMs) from = middle + 1;
      else to = middle;
    }
    events.splice(from, 0, { atMs, run });
  };
  const openOn = (agent: SimulatedAgent) => [...running.values()].filter((one) => one.agent === agent).length;
  const openIn = (pool: string) => [...running.values()].filter((one) => one.agent.pool === pool).length;
  const openOf = (repository: number) =>
    [...running.values()].filter((one) => one.job.repository === repository).length;
  const free = (pool: string) =>
    farm.agents
      .filter((agent) => agent.pool === pool)
      .map((agent) => ({ agentId: asAgentId(agent.id), labels: agent.labels, freeSlots: agent.slots - openOn(agent) }))
      .filter((agent) => agent.freeSlots > 0);
  const jobsLeft = ({ name, jobsMax }: SimulatedFarm["pools"][number]) =>
    jobsMax === undefined ? null : jobsMax - openIn(name);

  for (const job of farm.jobs)
    at(job.atMs, () => {
      queued.set(job.id, { job, besideSinceMs: undefined });
      wakeAll();
    });
  for (const [no, { name }] of farm.pools.entries()) at((no * 377) % TICK_MS, () => tick(name));

  while (events.length > 0 && grants.length < (farm.grantsMax ?? Number.POSITIVE_INFINITY)) {
    const event = events.pop();
    if (event === undefined || event.atMs > farm.untilMs) break;
    if (event.atMs > nowMs) look(event.atMs);
    nowMs = event.atMs;
    event.run();
  }
  return { grants, left: [...queued.values()].map(({ job }) => job), besideMsMax, broken };

  /** What stood from now until then. */
  function look(untilMs: number): void {
    for (const waiting of queued.values()) {
      const { job } = waiting;
      const isLimited = openOf(job.repository) >= (farm.repositoryLimits?.[job.repository] ?? Number.POSITIVE_INFINITY);
      const isBeside =
        !isLimited &&
        farm.pools.some(
          (pool) =>
            (jobsLeft(pool) ?? 1) > 0 &&
            free(pool.name).some((agent) => job.labels.every((label) => agent.labels.includes(label))),
        );
      if (!isBeside) waiting.besideSinceMs = undefined;
      else {
        waiting.besideSinceMs ??= nowMs;
        besideMsMax = Math.max(besideMsMax, untilMs - waiting.besideSinceMs);
      }
    }
  }

  function tick(pool: string): void {
    dispatch(pool);
    at(nowMs + TICK_MS, () => tick(pool));
  }

  function wakeAll(): void {
    for (const { name } of farm.pools) dispatch(name);
  }

  function dispatch(name: string): void {
    const pool = farm.pools.find((one) => one.name === name);
    if (pool === undefined) return;
    for (let count = OFFERS_MAX; count === OFFERS_MAX; ) count = pass(pool);
  }

  function pass(pool: SimulatedFarm["pools"][number]): number {
    const agents = free(pool.name);
    if (agents.length === 0) return 0;
    const candidates = [...queued.values()].map(
      ({ job }): Candidate => ({
        jobId: asJobId(job.id),
        repositoryId: asRepositoryId(job.repository),
        owner: job.owner,
        labels: job.labels,
        priority: job.priority,
        waitedMs: nowMs - job.atMs,
        preferredPool: job.preferredPool ?? null,
        trust: "trusted",
      }),
    );
    if (candidates.length === 0) return 0;
    const shares = sharesOf(candidates);
    const history = ageGrants(histories.get(pool.name) ?? NO_GRANTS, { atMs: nowMs, shares });
    const otherPools = farm.pools
      .filter((other) => other !== pool)
      .map((other): PoolRoom => ({ ...other, jobsLeft: jobsLeft(other), rooms: free(other.name) }));
    const { matches, recheckMs } = matchOffers(candidates, agents, {
      ...{ pool, poolJobsLeft: jobsLeft(pool), otherPools, shares, history, offersMax: OFFERS_MAX },
    });
    histories.set(pool.name, recordGrants(history, matches));
    if (recheckMs !== null && !rechecks.has(pool.name)) {
      rechecks.add(pool.name);
      at(nowMs + recheckMs, () => {
        rechecks.delete(pool.name);
        dispatch(pool.name);
      });
    }
    for (const match of matches) grant(match.jobId, match.agentId);
    if (pool.jobsMax !== undefined && openIn(pool.name) > pool.jobsMax) broken.push(`${pool.name} runs too many`);
    return matches.length;
  }

  function sharesOf(candidates: readonly Candidate[]): Map<RepositoryId, RepositoryShare> {
    const shares = new Map<RepositoryId, RepositoryShare>();
    for (const { repositoryId, owner } of candidates) {
      const limit = farm.repositoryLimits?.[repositoryId];
      shares.set(repositoryId, {
        owner,
        ownerWeight: farm.ownerWeights?.[owner] ?? 1,
        ownerOpen: [...running.values()].filter((one) => one.job.owner === owner).length,
        weight: farm.repositoryWeights?.[repositoryId] ?? 1,
        open: openOf(repositoryId),
        jobsLeft: limit === undefined ? null : limit - openOf(repositoryId),
        warmAgentIds: [...(warm.get(repositoryId) ?? [])],
      });
    }
    return shares;
  }

  function grant(jobId: number, agentId: string): void {
    const job = queued.get(jobId)?.job;
    const agent = farm.agents.find((one) => one.id === agentId);
    if (job === undefined || agent === undefined) {
      broken.push(`job ${jobId} was granted to ${agentId}, which is not queued or not there`);
      return;
    }
    queued.delete(jobId);
    running.set(jobId, { job, agent });
    grants.push({ job, agent, atMs: nowMs, order: grants.length });
    const known = warm.get(asRepositoryId(job.repository)) ?? new Set<AgentId>();
    warm.set(asRepositoryId(job.repository), known.add(asAgentId(agent.id)));
    if (openOn(agent) > agent.slots) broken.push(`${agentId} has more jobs than slots`);
    if (!job.labels.every((label) => agent.labels.includes(label))) broken.push(`${agentId} cannot run job ${jobId}`);
    if (openOf(job.repository) > (farm.repositoryLimits?.[job.repository] ?? Number.POSITIVE_INFINITY))
      broken.push(`repository ${job.repository} runs too many`);
    at(nowMs + job.runsMs, () => {
      running.delete(jobId);
      wakeAll();
    });
  }
}

/**
 * How many more grants to agents that could run it than it may a job saw go by, at worst: it may see `every` for itself
 * and each job that one of those agents could run and that was queued before it. Positive: the promise is broken.
 */
export function worstOverrun(farm: SimulatedFarm, answer: SimulationAnswer, every: number): number {
  const grantOf = new Map(answer.grants.map((grant) => [grant.job.id, grant]));
  const orderOfJob = new Map(farm.jobs.map((job, no) => [job.id, no]));
  const classes = [...new Map(farm.agents.map((agent) => [labelsKey(agent.labels), agent.labels])).values()];
  let worst = Number.NEGATIVE_INFINITY;
  for (const job of farm.jobs) {
    const able = classes.filter((labels) => job.labels.every((label) => labels.includes(label)));
    if (able.length === 0) continue;
    const keys = new Set(able.map(labelsKey));
    const own = grantOf.get(job.id);
    const before = farm.jobs.filter((other) => {
      const otherGrant = grantOf.get(other.id);
      const isEarlier =
        other.atMs < job.atMs ||
        (other.atMs === job.atMs && (orderOfJob.get(other.id) ?? 0) < (orderOfJob.get(job.id) ?? 0));
      const isRival = able.some((labels) => other.labels.every((label) => labels.includes(label)));
      return isEarlier && isRival && (otherGrant === undefined || otherGrant.atMs >= job.atMs);
    }).length;
    const passed = answer.grants.filter(
      (grant) =>
        keys.has(labelsKey(grant.agent.labels)) &&
        grant.atMs > job.atMs &&
        (own === undefined || grant.order < own.order),
    ).length;
    worst = Math.max(worst, passed - every * (before + 1));
  }
  return worst;
}

/** 1 when all have the same, 1/n when one has everything. */
export function jainIndex(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares);
}
