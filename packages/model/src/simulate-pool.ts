import { decideScale } from "./decide-scale.ts";
import { createDurationBook, type DurationBook, expectLeft } from "./duration-book.ts";
import { effectivePolicy } from "./effective-policy.ts";
import type { JobId } from "./ids.ts";
import { lookAhead } from "./look-ahead.ts";
import type { ScalingPolicy } from "./pool.ts";
import type { DemandedJob } from "./scale-facts.ts";
import { createSimulatedAgents, type SimulatedAgent } from "./simulated-agents.ts";
import { createSimulatedMatch } from "./simulated-match.ts";
import { createTimeline } from "./timeline.ts";
import type { TraceJob } from "./trace-job.ts";
import { summariseWaits, type WaitSummary } from "./wait-summary.ts";

export interface SimulationOptions {
  readonly pool: string;
  readonly policy: ScalingPolicy;
  /** In the order in which they were ready. */
  readonly jobs: readonly TraceJob[];
  readonly fromMs: number;
  readonly toMs: number;
  /** How long a machine takes: as usual, and as slow ones do (what decisions reckon with). */
  readonly startMs: { readonly usual: number; readonly slow: number };
  readonly slots: number;
  /** The pool's limit of jobs at a time; null is as many as there are slots. */
  readonly jobsMax: number | null;
  /** Waits are measured by this target. */
  readonly targetWaitMs: number;
}

export interface SimulationResult {
  readonly waits: WaitSummary;
  /** From the request for each agent until its end, together. */
  readonly agentMs: number;
  readonly agentsMax: number;
  readonly madeCount: number;
}

export interface Simulation {
  /** Goes on for so many moments; true when it is over. In parts, so that a server can do other things in between. */
  run(momentsMax: number): boolean;
  result(): SimulationResult;
}

const TICK_MS = 1_000;
/** How often a pool in which nothing happens is looked at: its schedule may have changed. */
const QUIET_TICK_MS = 60_000;

/**
 * Replays jobs as they came against a policy: the same functions decide as in a farm (decideScale, matchOffers). A job that
 * needs others is ready as long after them as it was; each runs for as long as it did.
 */
export function createSimulation(options: SimulationOptions): Simulation {
  const { policy, jobs, startMs } = options;
  const book = createDurationBook(jobs.map((job) => ({ ...job, pool: options.pool, durationMs: job.runMs })).reverse());
  const byId = new Map(jobs.map((job) => [job.jobId, job]));
  const dependants = groupDependants(jobs);
  const openNeeds = new Map(jobs.map((job) => [job.jobId, job.needs.filter((id) => byId.has(id)).length]));
  const timeline = createTimeline<Moment>();
  const agents = createSimulatedAgents({
    startMs: startMs.usual,
    slots: options.slots,
    isEphemeral: policy.isEphemeral,
  });
  const labels = [...new Set(jobs.flatMap((job) => job.labels))];
  const queue = new Map<JobId, QueuedJob>();
  const running = new Map<JobId, QueuedJob>();
  const match = createSimulatedMatch(
    { name: options.pool, priority: 0, weight: 1, untrustedAllowed: true },
    options.jobsMax,
  );
  const waitsMs: number[] = [];
  let nowMs = options.fromMs;
  let nextTickMs = options.fromMs;
  let isChanged = true;

  for (const job of jobs) if (openNeeds.get(job.jobId) === 0) timeline.add(job.readyAtMs, { kind: "ready", job });
  timeline.add(options.fromMs, { kind: "tick" });

  function run(momentsMax: number): boolean {
    for (let count = 0; count < momentsMax; count++) {
      const atMs = timeline.nextMs();
      if (atMs === undefined || isOver(atMs)) return true;
      nowMs = atMs;
      let isTick = false;
      for (const moment of timeline.take(atMs)) {
        isTick ||= moment.kind === "tick" && atMs === nextTickMs;
        apply(moment);
      }
      grant();
      if (isTick) decide();
      grant();
      planTick(isTick);
    }
    return false;
  }

  /** What waits or runs when the time is over is still brought to its end, so that no wait is left out. */
  const isOver = (atMs: number): boolean => atMs > options.toMs && queue.size === 0 && running.size === 0;

  function apply(moment: Moment): void {
    if (moment.kind === "tick") return;
    isChanged = true;
    if (moment.kind === "agent") agents.arrive(moment.agent, nowMs);
    if (moment.kind === "ready") queue.set(moment.job.jobId, { job: moment.job, sinceMs: nowMs });
    if (moment.kind === "end") end(moment.job, moment.agent);
  }

  function end(job: TraceJob, agent: SimulatedAgent): void {
    agents.release(agent, job.jobId, nowMs);
    running.delete(job.jobId);
    for (const next of dependants.get(job.jobId) ?? []) {
      const left = (openNeeds.get(next.jobId) ?? 1) - 1;
      openNeeds.set(next.jobId, left);
      if (left === 0) timeline.add(nowMs + gapOf(next), { kind: "ready", job: next });
    }
  }

  /** How long it took to be ready after the last of its needs, as recorded. */
  function gapOf(job: TraceJob): number {
    const lastMs = Math.max(...job.needs.flatMap((id) => byId.get(id)?.endedAtMs ?? []));
    return Math.max(0, job.readyAtMs - lastMs);
  }

  function grant(): void {
    if (queue.size === 0) return;
    const free = agents.free(labels);
    if (free.length === 0) return;
    const at = { queue: queue.values(), running: runningJobs(), free, nowMs };
    for (const { jobId, agentId } of match(at)) {
      const entry = queue.get(jobId);
      const agent = agents.find(agentId);
      if (entry === undefined || agent === undefined) continue;
      queue.delete(jobId);
      running.set(jobId, { job: entry.job, sinceMs: nowMs });
      waitsMs.push(nowMs - entry.sinceMs);
      agents.take(agent, jobId);
      timeline.add(nowMs + entry.job.runMs, { kind: "end", job: entry.job, agent });
    }
  }

  const runningJobs = (): TraceJob[] => [...running.values()].map(({ job }) => job);

  function decide(): void {
    const percent = policy.targetPercent;
    const leftMs = (jobId: JobId): number => {
      const job = byId.get(jobId);
      const sinceMs = running.get(jobId)?.sinceMs ?? nowMs;
      return job === undefined ? 0 : expectLeft(expectOf(book, options.pool, job, percent), nowMs - sinceMs);
    };
    const decision = decideScale({
      nowMs,
      policy,
      isPaused: false,
      hasProvider: true,
      agents: agents.list(nowMs, leftMs),
      jobs: [...queued(percent), ...soon()],
      startMs: startMs.slow,
      slots: options.slots,
      providerError: null,
      failures: { count: 0, agoMs: 0 },
    });
    for (const { name } of decision.end) agents.end(name, nowMs);
    for (let made = 0; made < decision.make; made++) {
      const agent = agents.make(nowMs);
      timeline.add(nowMs + startMs.usual, { kind: "agent", agent });
    }
    if (decision.direction !== "hold") isChanged = true;
  }

  const queued = (percent: number): DemandedJob[] =>
    [...queue.values()].map(({ job, sinceMs }) => ({
      inMs: 0,
      waitedMs: nowMs - sinceMs,
      expectedMs: expectOf(book, options.pool, job, percent),
    }));

  function soon(): DemandedJob[] {
    const open = [...queue.keys(), ...running.keys()];
    const usual = (job: TraceJob): number => expectOf(book, options.pool, job, 50);
    const blocked = new Map(open.flatMap((id) => dependants.get(id) ?? []).map((job) => [job.jobId, job]));
    const ends = new Map(
      open.flatMap((id): [JobId, number][] => {
        const job = byId.get(id);
        if (job === undefined) return [];
        const sinceMs = running.get(id)?.sinceMs ?? nowMs;
        return [[id, Math.max(0, usual(job) - (nowMs - sinceMs))]];
      }),
    );
    const openSet = new Set(open);
    const ahead = lookAhead(
      [...blocked.values()].map((job) => ({
        jobId: job.jobId,
        needs: job.needs.filter((id) => openSet.has(id) || (openNeeds.get(id) ?? 0) > 0),
        expectedMs: usual(job),
      })),
      ends,
    );
    return [...ahead].flatMap(([jobId, inMs]) => {
      const job = blocked.get(jobId);
      return job === undefined ? [] : [{ inMs: Math.max(1, inMs), waitedMs: 0, expectedMs: usual(job) }];
    });
  }

  /** Every second while something happens, else when the next idle agent is due, or now and then. */
  function planTick(isTick: boolean): void {
    if (!isTick && !isChanged) return;
    const isAwaited = [...running.keys()].some((id) => dependants.has(id));
    const isBusy = isChanged || isAwaited || queue.size > 0 || agents.isStarting();
    const { idleMs } = effectivePolicy(policy, nowMs);
    const dueMs = isBusy ? nowMs + TICK_MS : Math.min(nowMs + QUIET_TICK_MS, agents.nextIdleMs(idleMs) ?? Infinity);
    if (!isTick && nextTickMs > nowMs && nextTickMs <= dueMs) return;
    isChanged = false;
    nextTickMs = Math.max(dueMs, nowMs + TICK_MS);
    timeline.add(nextTickMs, { kind: "tick" });
  }

  return {
    run,
    result: () => ({
      waits: summariseWaits(waitsMs, options.targetWaitMs),
      ...agents.totals(Math.max(nowMs, options.toMs)),
    }),
  };
}

type Moment =
  | { readonly kind: "tick" }
  | { readonly kind: "ready"; readonly job: TraceJob }
  | { readonly kind: "agent"; readonly agent: SimulatedAgent }
  | { readonly kind: "end"; readonly job: TraceJob; readonly agent: SimulatedAgent };

interface QueuedJob {
  readonly job: TraceJob;
  readonly sinceMs: number;
}

function expectOf(book: DurationBook, pool: string, job: TraceJob, percent: number): number {
  return book.expect({ repositoryId: job.repositoryId, key: job.key, pool }, percent);
}

function groupDependants(jobs: readonly TraceJob[]): ReadonlyMap<JobId, readonly TraceJob[]> {
  const groups = new Map<JobId, TraceJob[]>();
  for (const job of jobs) {
    for (const id of job.needs) {
      const group = groups.get(id);
      if (group === undefined) groups.set(id, [job]);
      else group.push(job);
    }
  }
  return groups;
}
