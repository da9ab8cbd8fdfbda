import type { ScaleDecision, ScaleFacts } from "@windrow/model";
import type { Database, ScaleDecisionRecord } from "@windrow/store";
import { countPoolAgents } from "@windrow/store";
import { Counter, Gauge, type Registry } from "prom-client";

/** What is counted about the size of pools. */
export interface ScalingMetrics {
  /** Only these pools are decided here: what was said of others is forgotten. */
  keepPools(pools: readonly string[]): void;
  observe(pool: string, of: { readonly facts: ScaleFacts; readonly decision: ScaleDecision }): void;
  count(pool: string, record: ScaleDecisionRecord): void;
}

/** The numbers of agents are read at every scrape; those of the queue are told by the controller that decides. */
export function createScalingMetrics(registry: Registry, db: Database): ScalingMetrics {
  const registers = [registry];
  const desired = new Gauge({
    name: "windrow_pool_desired_agents",
    help: "How many agents a scaled pool needs now, within its bounds; told by the controller that decides about the pool",
    labelNames: ["pool"],
    registers,
  });
  new Gauge({
    name: "windrow_pool_agents",
    help: "Agents by pool and state; machines on which none has started yet are `starting`",
    labelNames: ["pool", "state"],
    registers,
    async collect() {
      this.reset();
      for (const row of await countPoolAgents(db)) {
        for (const [state, count] of Object.entries(row.counts)) this.set({ pool: row.pool, state }, count);
      }
    },
  });
  const queued = new Gauge({
    name: "windrow_pool_queued_jobs",
    help: "Queued jobs that a scaled pool is to run; told by the controller that decides about the pool",
    labelNames: ["pool"],
    registers,
  });
  const soon = new Gauge({
    name: "windrow_pool_soon_jobs",
    help: "Jobs that a scaled pool is to run when their needs have ended",
    labelNames: ["pool"],
    registers,
  });
  const oldest = new Gauge({
    name: "windrow_pool_oldest_wait_seconds",
    help: "How long the first of the queued jobs of a scaled pool has waited",
    labelNames: ["pool"],
    registers,
  });
  const start = new Gauge({
    name: "windrow_pool_agent_start_seconds",
    help: "How long a new agent of a scaled pool is expected to take until it is there",
    labelNames: ["pool"],
    registers,
  });
  const gauges = [desired, queued, soon, oldest, start];
  const decisions = new Counter({
    name: "windrow_scale_decisions_total",
    help: "Decisions about the size of a pool that were written down, by direction (up, down, hold)",
    labelNames: ["pool", "direction"],
    registers,
  });
  const requested = new Counter({
    name: "windrow_pool_agents_requested_total",
    help: "Agents asked of the pool's provider",
    labelNames: ["pool"],
    registers,
  });
  const ended = new Counter({
    name: "windrow_pool_agents_ended_total",
    help: "Agents that were ended because they are not needed, or are of no use any more",
    labelNames: ["pool"],
    registers,
  });
  let kept: readonly string[] = [];
  return {
    keepPools(pools) {
      for (const pool of kept) if (!pools.includes(pool)) for (const gauge of gauges) gauge.remove({ pool });
      kept = pools;
    },
    observe(pool, { facts, decision }) {
      desired.set({ pool }, decision.desired);
      const waiting = facts.jobs.filter((job) => job.inMs === 0);
      queued.set({ pool }, waiting.length);
      soon.set({ pool }, facts.jobs.length - waiting.length);
      oldest.set({ pool }, Math.max(0, ...waiting.map((job) => job.waitedMs)) / 1_000);
      start.set({ pool }, facts.startMs / 1_000);
    },
    count(pool, record) {
      decisions.inc({ pool, direction: record.direction });
      requested.inc({ pool }, record.made);
      ended.inc({ pool }, record.ended);
    },
  };
}
