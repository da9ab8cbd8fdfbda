import { readFileSync } from "node:fs";
import { systemClock } from "@windrow/service";
import { sql } from "kysely";
import type { Farm } from "../kit/farm.ts";
import { matrixOf } from "../kit/matrix-workflow.ts";
import { pushWorkflow } from "../kit/push-and-run.ts";
import { SimulatedAgents } from "../kit/simulated-agents.ts";
import { waitFor } from "../kit/wait-for.ts";
import { withBenchFarm } from "./bench-farm.ts";
import { repeatRun } from "./fill-queue.ts";
import { percentile } from "./percentile.ts";

const AGENTS = 2_000;
/** Of the agents, so many hold a job while heartbeats are counted. */
const HOLDING = 500;
/** Six heartbeats of each. */
const WATCH_MS = 30_000;
const START_OVER_MS = 20_000;
const DEEP_QUEUE = 100_000;
/** Jobs of the run that is repeated to make it deep. */
const REPEATED = 250;
/** How long jobs are granted from it. */
const CLAIM_MS = 20_000;
const PASSES = "windrow_dispatch_pass_seconds";
/** The ends of held jobs: each opens a connection for its log. */
const RELEASE_OVER_MS = 10_000;
const TICK_MS = 10;

/** 2,000 simulated agents on one controller, then a deep queue before some of them. Arguments: agents, then Node's own. */
export async function runFleetBench(args: readonly string[]): Promise<void> {
  const given = args.filter((arg) => /^\d+$/.test(arg)).map(Number);
  const nodeArgs = args.filter((arg) => !/^\d+$/.test(arg));
  const [agentsCount = AGENTS, deepCount = DEEP_QUEUE] = given;
  await withBenchFarm({ agents: 0, nodeArgs }, async (farm) => {
    const fleet = await measureJoining(farm, agentsCount);
    try {
      await measureHeartbeats(farm, fleet);
      await measureClaims(farm, fleet, deepCount);
    } finally {
      await fleet.stop();
    }
  });
}

async function measureJoining(farm: Farm, count: number): Promise<SimulatedAgents> {
  const joinFrom = systemClock.monotonicMs();
  // the doorbell is measured by the other benches; here it would only cost this process connections
  const fleet = await SimulatedAgents.join(farm, { count, hasNats: false, startOverMs: START_OVER_MS });
  const joinMs = systemClock.monotonicMs() - joinFrom;
  const startFrom = systemClock.monotonicMs();
  await fleet.start(180_000);
  const startMs = systemClock.monotonicMs() - startFrom;
  const { welcomeMs, connectsAt } = fleet.record;
  print(
    `${count} agents: joined in ${seconds(joinMs)} (${perSecond(count, joinMs)}), all sessions open in ${seconds(startMs)} ` +
      `(asked for over ${seconds(START_OVER_MS)}; ${connectsAt.length} tries; welcome ${spread(welcomeMs)})`,
  );
  return fleet;
}

async function measureHeartbeats(farm: Farm, fleet: SimulatedAgents): Promise<void> {
  const { record } = fleet;
  const holding = Math.min(HOLDING, fleet.agents.length);
  fleet.holdJobs();
  const { runId } = await pushWorkflow(farm, matrixOf(holding));
  await waitFor("the jobs to be held", () => record.begun.length >= holding, { withinMs: 120_000, everyMs: 100 });
  const pid = farm.controllers[0]?.child.pid ?? 0;
  const from = record.heartbeatMs.length;
  const cpuFrom = readCpuMs(pid);
  const bench = process.cpuUsage();
  await systemClock.sleep(WATCH_MS);
  const beats = record.heartbeatMs.slice(from);
  const cpu = (readCpuMs(pid) - cpuFrom) / WATCH_MS;
  const { user, system } = process.cpuUsage(bench);
  print(
    `heartbeats: ${beats.length} in ${seconds(WATCH_MS)}, ${holding} agents with a lease: round trip ${spread(beats)} ` +
      "(up to 250 ms of it are the gathering)\n" +
      `  controller: ${percent(cpu)} of a core, ${readResidentMib(pid)} MiB resident; the bench itself ${percent((user + system) / 1_000 / WATCH_MS)}`,
  );
  const finishedFrom = record.finished.length;
  fleet.release(RELEASE_OVER_MS);
  await waitFor("the held jobs to be done", () => record.finished.length >= finishedFrom + holding, {
    ...{ withinMs: 120_000, everyMs: 100 },
    describe: () => record.finished.length,
  });
  const run = await farm.waitRunFinished(runId, 120_000);
  const lost = await countLost(farm);
  print(`  lost leases: ${lost} by the farm, ${record.lost.length} by the agents; the run ended ${run.conclusion}`);
  for (const fault of record.faults.slice(0, 3)) print(`  fault: ${fault}`);
}

async function measureClaims(farm: Farm, fleet: SimulatedAgents, deepCount: number): Promise<void> {
  const { record } = fleet;
  await sql`update pools set paused_at = now(), paused_reason = 'the queue is filled' where name = 'default'`.execute(
    farm.db,
  );
  const { runId } = await pushWorkflow(farm, matrixOf(REPEATED), { name: "me/deep" });
  await waitFor("the jobs to be queued", async () => {
    const jobs = await farm.jobs(runId);
    return jobs.length === REPEATED && jobs.every((job) => job.state === "queued");
  });
  await repeatRun(farm, runId, deepCount - REPEATED);
  await sql`update pools set paused_at = null, paused_reason = null where name = 'default'`.execute(farm.db);
  const from = await readHistogram(farm, PASSES);
  const finishedFrom = record.finished.length;
  const startAt = systemClock.monotonicMs();
  await systemClock.sleep(CLAIM_MS);
  const tookMs = systemClock.monotonicMs() - startAt;
  const finished = record.finished.length - finishedFrom;
  const passes = (await readHistogram(farm, PASSES)).map(({ le, count }, index) => ({
    le,
    count: count - (from[index]?.count ?? 0),
  }));
  print(
    `${deepCount} queued that these agents can run: ${finished} jobs done in ${seconds(tookMs)} (${perSecond(finished, tookMs)})\n` +
      `  claims (one look at the queue and its grants): ${passes.at(-1)?.count ?? 0}, p50 ≤ ${bucket(passes, 0.5)}, p99 ≤ ${bucket(passes, 0.99)}`,
  );
  // with jobs that take no time all agents together are faster than the farm: this is then its throughput, seen by one of them
  print(`  idle from one job to the next: ${spread(record.idleMs.slice(-finished))}; lost: ${await countLost(farm)}`);
  for (const fault of record.faults.slice(0, 3)) print(`  fault: ${fault}`);
}

interface Bucket {
  readonly le: number;
  readonly count: number;
}

async function readHistogram(farm: Farm, name: string): Promise<Bucket[]> {
  const response = await fetch(`${farm.url}/metrics`, { headers: { authorization: `Bearer ${farm.adminToken}` } });
  const text = await response.text();
  const sums = new Map<number, number>();
  for (const [, labels = "", value = "0"] of text.matchAll(new RegExp(`^${name}_bucket\\{(.*)\\} (\\S+)$`, "gm"))) {
    const bound = /le="([^"]+)"/.exec(labels)?.[1] ?? "";
    const le = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    sums.set(le, (sums.get(le) ?? 0) + Number(value));
  }
  return [...sums].sort(([a], [b]) => a - b).map(([le, count]) => ({ le, count }));
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
