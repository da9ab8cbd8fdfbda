import fc from "fast-check";
import { expect, it } from "vitest";
import { asJobId, asRepositoryId } from "./ids.ts";
import { SCALING_POLICY_DEFAULT, type ScalingPolicy } from "./pool.ts";
import { createSimulation, type SimulationResult } from "./simulate-pool.ts";
import type { TraceJob } from "./trace-job.ts";

const HOUR_MS = 3_600_000;
const FROM_MS = Date.UTC(2026, 10, 23, 8, 0);

function job(no: number, atMs: number, runMs: number, needs: readonly TraceJob[] = []): TraceJob {
  const readyAtMs = FROM_MS + atMs;
  return {
    jobId: asJobId(no),
    repositoryId: asRepositoryId(1 + (no % 3)),
    owner: "me",
    key: "test",
    labels: ["linux"],
    priority: 0,
    trust: "trusted",
    preferredPool: null,
    needs: needs.map((need) => need.jobId),
    readyAtMs,
    grantedAtMs: readyAtMs,
    runMs,
    endedAtMs: readyAtMs + runMs,
  };
}

function simulate(jobs: readonly TraceJob[], policy: Partial<ScalingPolicy>): SimulationResult {
  const simulation = createSimulation({
    pool: "python",
    policy: { ...SCALING_POLICY_DEFAULT, ...policy },
    jobs,
    fromMs: FROM_MS,
    toMs: FROM_MS + HOUR_MS,
    startMs: { usual: 3_000, slow: 4_000 },
    slots: 1,
    jobsMax: null,
    targetWaitMs: 10_000,
  });
  for (let part = 0; part < 1_000; part++) if (simulation.run(1_000)) return simulation.result();
  throw new Error("the simulation does not end");
}

const burst = Array.from({ length: 200 }, (_, no) => job(no + 1, 60_000, 5_000));

it("a burst is worked off by as many agents as the policy allows, which go when it is over", () => {
  const { waits, agentsMax, agentMs, madeCount } = simulate(burst, { max: 6, idleMs: 60_000 });
  expect(waits.jobsCount).toBe(200);
  expect([agentsMax, madeCount]).toEqual([6, 6]);
  // 200 jobs of 5 s on 6 agents, start-up and the idle minute
  expect(agentMs).toBeGreaterThan(1_000_000);
  expect(agentMs).toBeLessThan(1_000_000 + 6 * 75_000);
});

it("more agents mean shorter waits and the same work", () => {
  const few = simulate(burst, { max: 2 });
  const many = simulate(burst, { max: 20 });
  expect(many.waits.p95Ms).toBeLessThan((few.waits.p95Ms ?? 0) / 5);
});

it("a policy that is wide enough starts the jobs within the target", () => {
  const spread = Array.from({ length: 100 }, (_, no) => job(no + 1, no * 20_000, 40_000));
  const { waits } = simulate(spread, { max: 10, targetWaitMs: 10_000 });
  expect(waits.withinTargetPercent).toBe(100);
});

it("a job that needs another comes after it, and finds its agent made", () => {
  const build = { ...job(1, 10_000, 30_000), key: "build" };
  const after = Array.from({ length: 5 }, (_, no) => job(no + 2, 40_000, 60_000, [build]));
  const { waits, agentsMax } = simulate([build, ...after], { max: 10, targetWaitMs: 0 });
  expect(waits.jobsCount).toBe(6);
  expect(agentsMax).toBe(5);
  // the first job waits for its agent; of those after it none waits for as long as a start takes
  expect(waits.p50Ms).toBeLessThan(3_000);
});

it("agents for one job each are as many as jobs", () => {
  const { madeCount, waits } = simulate(burst, { max: 20, isEphemeral: true });
  expect(waits.jobsCount).toBe(200);
  expect(madeCount).toBe(200);
});

it("a minimum costs its hours and saves the waits", () => {
  const one = [job(1, 60_000, 5_000)];
  const cold = simulate(one, { max: 1 });
  const warm = simulate(one, { min: 1, max: 1 });
  expect(warm.waits.p99Ms).toBe(0);
  expect(warm.agentMs).toBeGreaterThanOrEqual(HOUR_MS);
  expect(cold.waits.p99Ms).toBeGreaterThanOrEqual(3_000);
  expect(cold.agentMs).toBeLessThan(HOUR_MS / 8);
});

it("every job of any arrival pattern starts, on no more agents than allowed", () => {
  const arrivals = fc.array(
    fc.record({ atMs: fc.integer({ min: 0, max: HOUR_MS }), runMs: fc.integer({ min: 0, max: 300_000 }) }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 5 }), fc.boolean(), (list, max, isEphemeral) => {
      const jobs = [...list].sort((a, b) => a.atMs - b.atMs).map(({ atMs, runMs }, no) => job(no + 1, atMs, runMs));
      const { waits, agentsMax } = simulate(jobs, { max, isEphemeral });
      expect(waits.jobsCount).toBe(jobs.length);
      expect(agentsMax).toBeLessThanOrEqual(max);
    }),
    { numRuns: 30 },
  );
});
