import {
  assignDemand,
  type BlockedJob,
  type DemandedJob,
  type DemandPool,
  type DurationBook,
  effectivePolicy,
  type JobId,
  lookAhead,
  percentileOf,
  type ScaleFacts,
  type WantedJob,
} from "@windrow/model";
import type { BlockedDemandRow, Demand, QueuedDemandRow, ScaleAgentRow, ScalePoolRow } from "@windrow/store";
import { toScaledAgent } from "./to-scaled-agent.ts";

/** What a look at the farm gave. */
export interface FarmLook {
  readonly nowMs: number;
  readonly pools: readonly ScalePoolRow[];
  readonly agents: readonly ScaleAgentRow[];
  readonly demand: Demand;
  readonly book: DurationBook;
}

/** Until machines of the pool have told better. */
export const START_MS_DEFAULT = 30_000;
const MEDIAN = 50;

/** What decisions about the scaled pools are made of, by pool. */
export function gatherFacts(look: FarmLook): ReadonlyMap<string, ScaleFacts> {
  const { pools, demand, book, nowMs } = look;
  const readyInMs = findReady(demand, book);
  const blocked = demand.blocked.filter((job) => readyInMs.has(job.jobId));
  const left = new Map(demand.repositoryLeft.map((one) => [one.repositoryId, one.left]));
  const wanted = [
    ...demand.queued.map((job) => ({ ...toWanted(job, book), repositoryLeft: left.get(job.repositoryId) ?? null })),
    ...blocked.map((job) => ({ ...toFuture(job, book), repositoryLeft: left.get(job.repositoryId) ?? null })),
  ];
  const poolOf = assignDemand(
    wanted,
    pools.map((pool) => toDemandPool(pool, nowMs)),
  );
  const facts = new Map<string, ScaleFacts>();
  for (const pool of pools) {
    const { scaling: policy, name } = pool;
    if (policy === null) continue;
    const percent = policy.targetPercent;
    const ofPool = ({ jobId }: { readonly jobId: JobId }): boolean => poolOf.get(jobId) === name;
    const expect = (job: QueuedDemandRow | BlockedDemandRow): number => book.expect({ ...job, pool: name }, percent);
    const jobs: DemandedJob[] = [
      ...demand.queued.filter(ofPool).map((job) => ({
        inMs: job.inMs,
        waitedMs: job.inMs > 0 ? 0 : job.waitedMs,
        expectedMs: expect(job),
      })),
      // 0 would mean that it is queued
      ...blocked.filter(ofPool).map((job) => ({
        inMs: Math.max(1, readyInMs.get(job.jobId) ?? 0),
        waitedMs: 0,
        expectedMs: expect(job),
      })),
    ];
    const rows = look.agents.filter((agent) => agent.pool === name);
    facts.set(name, {
      nowMs,
      policy,
      isPaused: pool.isPaused,
      hasProvider: pool.hasProvider,
      agents: rows.map((agent) => toScaledAgent(agent, book, percent)),
      jobs,
      startMs: startMsOf(pool.startsMs, percent),
      slots: pool.slots ?? 1,
      providerError: rows.find((row) => row.machineState === "creating" && row.error !== null)?.error ?? null,
      failures: { count: pool.failedCount, agoMs: pool.failedAgoMs },
    });
  }
  return facts;
}

/** How long machines take that are slower than all but `percent` of 100. */
export function startMsOf(startsMs: readonly number[], percent: number): number {
  return (
    percentileOf(
      [...startsMs].sort((a, b) => a - b),
      percent,
    ) ?? START_MS_DEFAULT
  );
}

function findReady(demand: Demand, book: DurationBook): ReadonlyMap<JobId, number> {
  const usual = (job: QueuedDemandRow | BlockedDemandRow | BlockedDemandRow["needs"][number], pool = ""): number =>
    book.expect({ ...job, pool: book.lastPool(job) ?? pool }, MEDIAN);
  const ends = new Map<JobId, number>();
  for (const { needs } of demand.blocked) {
    for (const need of needs) {
      // another workflow: its own jobs are what takes time
      if (need.isOpen && !need.isCall)
        ends.set(need.jobId, Math.max(0, usual(need, need.pool ?? undefined) - need.forMs));
    }
  }
  const jobs = demand.blocked.map(
    (job): BlockedJob => ({
      jobId: job.jobId,
      needs: job.needs.map((need) => need.jobId),
      expectedMs: usual(job),
    }),
  );
  return lookAhead(jobs, ends);
}

function toWanted(job: QueuedDemandRow, book: DurationBook): WantedJob {
  const { siblingKey: key, siblingsLeft } = job;
  return {
    ...job,
    lastPool: book.lastPool(job),
    repositoryLeft: null,
    siblings: key === null ? null : { key, left: siblingsLeft ?? 0 },
  };
}

function toFuture(job: BlockedDemandRow, book: DurationBook): WantedJob {
  const { jobId, repositoryId, trust } = job;
  const lastPool = book.lastPool(job);
  return {
    jobId,
    repositoryId,
    trust,
    labels: null,
    preferredPool: null,
    lastPool,
    repositoryLeft: null,
    siblings: null,
  };
}

function toDemandPool(pool: ScalePoolRow, nowMs: number): DemandPool {
  const { name, priority, weight, untrustedAllowed, isPaused, labelSets, jobsMax, jobsOpen } = pool;
  const { freeSlots, comingSlots } = pool;
  const max = pool.scaling === null || !pool.hasProvider ? 0 : effectivePolicy(pool.scaling, nowMs).max;
  return {
    ...{ name, priority, weight, untrustedAllowed, isPaused, labelSets, freeSlots, comingSlots },
    canGrow: pool.agentsCount < max,
    jobsLeft: jobsMax === null ? null : Math.max(0, jobsMax - jobsOpen),
  };
}
