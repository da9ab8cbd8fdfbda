import { readFileSync } from "node:fs";
import { systemClock } from "@windrow/service";
import { sql } from "kysely";
import type { Farm } from "../kit/farm.ts";
import { matrixOf } from "../kit/matrix-workflow.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { SimulatedFleet } from "../kit/simulated-fleet.ts";
import { waitFor } from "../kit/wait-for.ts";
import { withBenchFarm } from "./bench-farm.ts";
import type { CpuMeter } from "./cpu-meter.ts";
import { repeatRun } from "./fill-queue.ts";
import { percentile } from "./percentile.ts";

const AGENTS = 2_000;
/** Processes that the simulated agents are spread over: one alone would be what is measured. */
const SIMULATORS = 4;
/** Of the agents, so many hold a job while heartbeats are counted. */
const HOLDING = 500;
/** Six heartbeats of each. */
const WATCH_MS = 30_000;
const START_OVER_MS = 20_000;
const START_WITHIN_MS = 180_000;
const DEEP_QUEUE = 100_000;
/** Jobs of the run that is repeated to make it deep. */
const REPEATED = 250;
/** How long jobs are granted from it. */
const CLAIM_MS = 20_000;
const PASSES = "windrow_dispatch_pass_seconds";
/** The ends of held jobs: each opens a connection for its log. */
const RELEASE_OVER_MS = 10_000;
const TICK_MS = 10;

/** 2,000 simulated agents on one controller, then a deep queue before some of them. Arguments: agents, queued jobs, then Node's own. */
export async function runFleetBench(args: readonly string[]): Promise<void> {
  const given = args.filter((arg) => /^\d+$/.test(arg)).map(Number);
  const nodeArgs = args.filter((arg) => !/^\d+$/.test(arg));
  const [count = AGENTS, deepCount = DEEP_QUEUE] = given;
  await withBenchFarm({ agents: 0, nodeArgs }, async (farm, meter) => {
    const fleet = await SimulatedFleet.prepare({ count, simulators: SIMULATORS, startOverMs: START_OVER_MS });
    try {
      await measureJoining(farm, fleet, meter);
      await measureHeartbeats(farm, fleet, meter);
      await measureClaims(farm, fleet, { deepCount, meter });
      await measureRestart(farm, fleet);
    } finally {
      await fleet.stop();
    }
  });
}

async function measureJoining(farm: Farm, fleet: SimulatedFleet, meter: CpuMeter): Promise<void> {
  const { count } = fleet;
  const pid = controllerPid(farm);
  await meter.reset();
  const joinFrom = systemClock.monotonicMs();
  await fleet.join(farm);
  const joinMs = systemClock.monotonicMs() - joinFrom;
  print(`${count} agents: joined in ${seconds(joinMs)} (${perSecond(count, joinMs)}); ${await meter.describe(count)}`);
  const beforeMib = readResidentMib(pid);
  await meter.reset();
  const startFrom = systemClock.monotonicMs();
  await fleet.start(START_WITHIN_MS);
  const startMs = systemClock.monotonicMs() - startFrom;
  const { welcomeMs, triesCount, lateP99Ms } = await fleet.look();
  print(
    `sessions: all open in ${seconds(startMs)} (asked for over ${seconds(START_OVER_MS)}; ${triesCount} tries); ` +
      `welcome ${spread(welcomeMs)}; the simulators' own timers late by p99 ${lateP99Ms.toFixed(0)} ms\n` +
      `  ${await meter.describe(count)}; controller ${beforeMib} MiB resident before, ${readResidentMib(pid)} after`,
  );
}

async function measureHeartbeats(farm: Farm, fleet: SimulatedFleet, meter: CpuMeter): Promise<void> {
  const holding = Math.min(HOLDING, fleet.count);
  const pid = controllerPid(farm);
  await fleet.hold();
  const finishedFrom = (await fleet.look()).finishedCount;
  const { runId } = await pushWorkflow(farm, matrixOf(holding));
  await waitFor("the jobs to be held", async () => (await fleet.look()).begunCount >= holding, {
    ...{ withinMs: 120_000, everyMs: 500 },
    describe: async () => (await fleet.look()).begunCount,
  });
  const passesFrom = await readSum(farm, PASSES);
  const before = await fleet.look();
  const cpuFrom = readCpuMs(pid);
  await meter.reset();
  await systemClock.sleep(WATCH_MS);
  const seen = await fleet.look();
  const cpu = (readCpuMs(pid) - cpuFrom) / WATCH_MS;
  const passes = (await readSum(farm, PASSES)) - passesFrom;
  print(
    `heartbeats: ${seen.heartbeatMs.length} in ${seconds(WATCH_MS)}, ${holding} agents with a lease: round trip ${spread(seen.heartbeatMs)} ` +
      `(up to 250 ms of it are the gathering, and the simulators' timers were late by p99 ${seen.lateP99Ms.toFixed(0)} ms)\n` +
      `  controller: ${percent(cpu)} of a core, ${readResidentMib(pid)} MiB resident, ${passes.toFixed(2)} s in looks at the queue; ` +
      `simulators ${percent((seen.cpuMs - before.cpuMs) / WATCH_MS)}\n` +
      `  of a heartbeat, ${await meter.describe(seen.heartbeatMs.length)}`,
  );
  await fleet.release(RELEASE_OVER_MS);
  const finished = async () => (await fleet.look()).finishedCount - finishedFrom;
  await waitFor("the held jobs to be done", async () => (await finished()) >= holding, {
    ...{ withinMs: 120_000, everyMs: 500 },
    describe: finished,
  });
  const run = await farm.waitRunFinished(runId, 120_000);
  const { lostCount, faults } = await fleet.look();
  print(
    `  lost leases: ${await countLost(farm)} by the farm, ${lostCount} by the agents; the run ended ${run.conclusion}`,
  );
  for (const fault of faults) print(`  fault: ${fault}`);
}

async function measureClaims(
  farm: Farm,
  fleet: SimulatedFleet,
  { deepCount, meter }: { readonly deepCount: number; readonly meter: CpuMeter },
): Promise<void> {
  await pausePool(farm);
  const { runId } = await pushWorkflow(farm, matrixOf(REPEATED), { name: "me/deep" });
  await waitFor("the jobs to be queued", async () => {
    const jobs = await farm.jobs(runId);
    return jobs.length === REPEATED && jobs.every((job) => job.state === "queued");
  });
  await repeatRun(farm, runId, deepCount - REPEATED);
  await sql`update pools set paused_at = null, paused_reason = null where name = 'default'`.execute(farm.db);
  const from = await readHistogram(farm, PASSES);
  await meter.reset();
  const { finishedCount: finishedFrom } = await fleet.look();
  const startAt = systemClock.monotonicMs();
  await systemClock.sleep(CLAIM_MS);
  const { finishedCount, faults, lateP99Ms } = await fleet.look();
  const tookMs = systemClock.monotonicMs() - startAt;
  const finished = finishedCount - finishedFrom;
  const passes = (await readHistogram(farm, PASSES)).map(({ le, count }, index) => ({
    le,
    count: count - (from[index]?.count ?? 0),
  }));
  print(
    `${deepCount} queued that these agents can run: ${finished} jobs done in ${seconds(tookMs)} (${perSecond(finished, tookMs)})\n` +
      `  claims (one look at the queue and its grants): ${passes.at(-1)?.count ?? 0}, p50 ≤ ${bucket(passes, 0.5)}, p99 ≤ ${bucket(passes, 0.99)}`,
  );
  // with jobs that take no time all agents together are faster than the farm: this is then its throughput, seen by one of them
  print(
    `  simulators' timers late by p99 ${lateP99Ms.toFixed(0)} ms; lost: ${await countLost(farm)}\n` +
      `  of a job, ${await meter.describe(finished)}; controller ${readResidentMib(controllerPid(farm))} MiB resident`,
  );
  for (const fault of faults) print(`  fault: ${fault}`);
}

/** The fleet finds a controller again that was killed, with nothing else to do. */
async function measureRestart(farm: Farm, fleet: SimulatedFleet): Promise<void> {
  await pausePool(farm);
  const { triesCount: triesFrom } = await fleet.look();
  await farm.controllers[0]?.child.kill();
  await waitFor("the sessions to be over", async () => (await fleet.look()).connectedCount === 0, {
    ...{ withinMs: 60_000, everyMs: 100 },
    describe: async () => (await fleet.look()).connectedCount,
  });
  await farm.startController(0);
  const from = systemClock.monotonicMs();
  const cpuFrom = readCpuMs(controllerPid(farm));
  await waitFor("every session to be back", async () => (await fleet.look()).connectedCount === fleet.count, {
    ...{ withinMs: START_WITHIN_MS, everyMs: 250 },
    describe: async () => (await fleet.look()).connectedCount,
  });
  const cpuMs = readCpuMs(controllerPid(farm)) - cpuFrom;
  const { triesCount } = await fleet.look();
  print(
    `a killed controller: ${fleet.count} sessions back ${seconds(systemClock.monotonicMs() - from)} after it listened again; ` +
      `${triesCount - triesFrom} tries, ${(cpuMs / fleet.count).toFixed(1)} ms of its CPU each; lost: ${await countLost(farm)}`,
  );
}

async function pausePool(farm: Farm): Promise<void> {
  await sql`update pools set paused_at = now(), paused_reason = 'the bench' where name = 'default'`.execute(farm.db);
}

interface Bucket {
  readonly le: number;
  readonly count: number;
}

async function readHistogram(farm: Farm, name: string): Promise<Bucket[]> {
  const sums = new Map<number, number>();
  for (const [, labels = "", value = "0"] of (await readMetrics(farm)).matchAll(
    new RegExp(`^${name}_bucket\\{(.*)\\} (\\S+)$`, "gm"),
  )) {
    const bound = /le="([^"]+)"/.exec(labels)?.[1] ?? "";
    const le = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    sums.set(le, (sums.get(le) ?? 0) + Number(value));
  }
  return [...sums].sort(([a], [b]) => a - b).map(([le, count]) => ({ le, count }));
}

async function readSum(farm: Farm, name: string): Promise<number> {
  const found = (await readMetrics(farm)).matchAll(new RegExp(`^${name}_sum\\S* (\\S+)$`, "gm"));
  return [...found].reduce((sum, [, value]) => sum + Number(value), 0);
}

async function readMetrics(farm: Farm): Promise<string> {
  const response = await fetch(`${farm.url}/metrics`, { headers: { authorization: `Bearer ${farm.adminToken}` } });
  return response.text();
}

function controllerPid(farm: Farm): number {
  const pid = farm.controllers[0]?.child.pid;
  if (pid === undefined) throw new Error("no controller is there");
  return pid;
}

function bucket(buckets: readonly Bucket[], share: number): string {
  const all = buckets.at(-1)?.count ?? 0;
  const found = buckets.find(({ count }) => count >= all * share);
  if (found === undefined) return "?";
  return Number.isFinite(found.le) ? `${found.le * 1_000} ms` : `more than ${(buckets.at(-2)?.le ?? 0) * 1_000} ms`;
}

async function countLost(farm: Farm): Promise<number> {
  const { count } = await farm.db
    .selectFrom("attempts")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("state", "in", ["lost", "revoked"])
    .executeTakeFirstOrThrow();
  return Number(count);
}

function readCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function readResidentMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0;
  return Math.round(Number(kib) / 1_024);
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const perSecond = (count: number, ms: number): string => `${((count / ms) * 1_000).toFixed(0)}/s`;
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
const spread = (values: readonly number[]): string =>
  [0.5, 0.99, 1]
    .map((share) => `${share === 1 ? "max" : `p${share * 100}`} ${percentile(values, share).toFixed(0)} ms`)
    .join(", ");

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
