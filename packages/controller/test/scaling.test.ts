import { randomBytes, randomUUID } from "node:crypto";
import { asAgentId, asAttemptId, asJobId, asLeaseId, SCALING_POLICY_DEFAULT, type ScalingPolicy } from "@windrow/model";
import { createLogger, systemClock } from "@windrow/service";
import {
  type DispatcherTerm,
  electDispatcher,
  endMachine,
  type GrantChoice,
  grantLeases,
  inTransaction,
  listScaleDecisions,
  machineJoined,
  readHistory,
  readPoolWaits,
  recordScaleDecision,
  SCALE_DECISIONS_MAX,
} from "@windrow/store";
import { Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createScaler, type Scaler } from "../src/scaling/create-scaler.ts";
import { createScalingMetrics } from "../src/scaling/scaling-metrics.ts";
import { type Core, startCore } from "./core-kit.ts";

let core: Core;
let terms: Map<string, DispatcherTerm>;
let registry: Registry;
let scaler: Scaler;

beforeAll(async () => {
  // no controller: the passes of these tests are the only ones
  core = await startCore({ controllers: 0 });
  const won = await electDispatcher(core.db, { controllerId: randomUUID(), termId: randomUUID(), ttlMs: 600_000 });
  terms = new Map(won.map((term) => [term.pool, term]));
});
afterAll(() => core.stop());

beforeEach(async () => {
  const { db } = core;
  const now = new Date();
  await db.updateTable("pools").set({ scaling: null, provider: null, jobs_max: null }).execute();
  const cancelled = { state: "finished", outcome: "cancelled", conclusion: "cancelled", finished_at: now } as const;
  await db.updateTable("jobs").set(cancelled).where("finished_at", "is", null).execute();
  await db
    .updateTable("attempts")
    .set({ state: "revoked", finished_at: now })
    .where("finished_at", "is", null)
    .execute();
  await db.updateTable("machines").set({ state: "ended", ended_at: now }).where("ended_at", "is", null).execute();
  await db.updateTable("agents").set({ state: "removed", removed_at: now }).where("removed_at", "is", null).execute();
  await db.deleteFrom("scale_decisions").execute();
  registry = new Registry();
  scaler = createScaler({
    db,
    clock: systemClock,
    logger: createLogger({ component: "scaling-test", level: "fatal" }),
    metrics: createScalingMetrics(registry, db),
    terms: { find: (pool) => terms.get(pool), pools: () => [...terms.keys()] },
  });
});

async function setPolicy(pool: string, policy: Partial<ScalingPolicy>): Promise<void> {
  const scaling = JSON.stringify({ ...SCALING_POLICY_DEFAULT, ...policy });
  const provider = JSON.stringify({ kind: "process", host: "test" });
  await core.db.updateTable("pools").set({ scaling, provider }).where("name", "=", pool).execute();
}

const machines = (pool: string) =>
  core.db
    .selectFrom("machines")
    .select(["id", "state", "reason", "agent_id"])
    .where("pool", "=", pool)
    .where("ended_at", "is", null)
    .orderBy("requested_at")
    .execute();

/** The agents of all machines that wait for theirs are there. */
async function joinMachines(pool: string): Promise<string[]> {
  const joined: string[] = [];
  for (const machine of await machines(pool)) {
    if (machine.agent_id !== null || machine.state === "ending") continue;
    const agentId = asAgentId(randomUUID());
    await inTransaction(core.db, async (tx) => {
      const row = { id: agentId, name: `agent-${agentId}`, pool, state: "ready", nats_public_key: "U" } as const;
      const connected = { public_key: randomBytes(8), connected_at: new Date(), last_seen_at: new Date() };
      await tx
        .insertInto("agents")
        .values({ ...row, ...connected })
        .execute();
      await machineJoined(tx, { machineId: machine.id, agentId });
    });
    joined.push(agentId);
  }
  return joined;
}

async function grant(pool: string, agentId: string, jobId: number): Promise<void> {
  const term = terms.get(pool);
  if (term === undefined) throw new Error("no term");
  const choice: GrantChoice = {
    jobId: asJobId(jobId),
    agentId: asAgentId(agentId),
    attemptId: asAttemptId(randomUUID()),
    leaseId: asLeaseId(randomUUID()),
  };
  expect(await grantLeases(core.db, term, [choice])).toHaveLength(1);
}

async function beIdleFor(seconds: number): Promise<void> {
  const since = new Date(Date.now() - seconds * 1_000);
  await core.db.updateTable("agents").set({ created_at: since }).where("removed_at", "is", null).execute();
  await core.db.updateTable("machines").set({ requested_at: since }).where("ended_at", "is", null).execute();
}

const secondsAgo = (seconds: number): Date => new Date(Date.now() - seconds * 1_000);
const matrix = (count: number, runsOn = "python") => `
on: push
jobs:
  m:
    runs-on: ${runsOn}
    strategy: { matrix: { n: [${Array.from({ length: count }, (_, n) => n).join(", ")}] }, fail-fast: false }
    steps: [{ run: x }]
`;
const decisions = (pool: string) => listScaleDecisions(core.db, { pool, limit: 50 });

it("asks for agents when jobs would wait, once, and says why", async () => {
  await setPolicy("python", { max: 6 });
  await core.insertRun(matrix(20));
  await scaler.runOnce();
  await scaler.runOnce();
  const made = await machines("python");
  expect(made.map(({ state }) => state)).toEqual(Array(6).fill("creating"));
  const [hold, up] = await decisions("python");
  expect(up).toMatchObject({ direction: "up", code: "queue", desired: 6, made: 6, queued: 20 });
  expect(up?.reason).toMatch(/20 queued jobs would wait longer than 10 s .*6 is the most/);
  expect(made[0]?.reason).toBe(up?.reason);
  expect(hold).toMatchObject({ direction: "hold", made: 0, ended: 0, starting: 6 });
});

it("writes nothing down while nothing changes", async () => {
  await setPolicy("python", { max: 2 });
  await core.insertRun(matrix(5));
  for (let pass = 0; pass < 5; pass++) await scaler.runOnce();
  expect((await decisions("python")).length).toBeLessThanOrEqual(2);
});

it("ends what was idle for long enough, and nothing that is busy or starting", async () => {
  await setPolicy("python", { max: 4, idleMs: 60_000 });
  const runId = await core.insertRun(matrix(3));
  await scaler.runOnce();
  const agents = await joinMachines("python");
  expect(agents).toHaveLength(3);
  const [first] = await core.jobs(runId);
  if (first === undefined || agents[0] === undefined) throw new Error("nothing to grant");
  await grant("python", agents[0], first.id);
  await core.db.updateTable("jobs").set({ cancel_requested_at: new Date() }).where("state", "=", "queued").execute();
  await scaler.runOnce();
  expect((await machines("python")).map(({ state }) => state)).toEqual(["ready", "ready", "ready"]);
  await beIdleFor(61);
  await scaler.runOnce();
  const states = new Map((await machines("python")).map((machine) => [machine.agent_id, machine.state]));
  expect(agents.map((agent) => states.get(agent))).toEqual(["ready", "ending", "ending"]);
  const [down] = await decisions("python");
  expect(down).toMatchObject({ direction: "down", code: "idle", desired: 1, ended: 2, busy: 1, idle: 2 });
});

it("a machine whose end takes long keeps no job waiting", async () => {
  await setPolicy("python", { max: 1 });
  await core.insertRun(matrix(1));
  await scaler.runOnce();
  const isGoing = (seconds: number) =>
    core.db
      .updateTable("machines")
      .set({ state: "ending", ending_at: secondsAgo(seconds) })
      .where("ended_at", "is", null)
      .execute();
  await isGoing(5);
  await scaler.runOnce();
  expect(await machines("python")).toHaveLength(1);
  await isGoing(25);
  await scaler.runOnce();
  expect((await machines("python")).map(({ state }) => state)).toEqual(["ending", "creating"]);
});

it("an agent that gets a job while it is decided that it goes, stays", async () => {
  await setPolicy("python", { max: 1 });
  const runId = await core.insertRun(matrix(1));
  await scaler.runOnce();
  const [agentId] = await joinMachines("python");
  const [machine] = await machines("python");
  const [job] = await core.jobs(runId);
  if (agentId === undefined || machine === undefined || job === undefined) throw new Error("nothing there");
  await grant("python", agentId, job.id);
  expect(await inTransaction(core.db, (tx) => endMachine(tx, { machineId: machine.id, reason: "late" }))).toBe(false);
  expect((await machines("python"))[0]?.state).toBe("ready");
});

it("counts a job that two pools could run once", async () => {
  await setPolicy("python", { max: 10 });
  await setPolicy("node", { max: 10 });
  await core.insertRun(matrix(8, "linux"));
  await scaler.runOnce();
  const count = (await machines("python")).length + (await machines("node")).length;
  expect(count).toBe(8);
});

it("a pool that has all its agents on the way keeps the jobs that they are for", async () => {
  await setPolicy("python", { max: 3 });
  await setPolicy("node", { max: 3 });
  await core.db.updateTable("pools").set({ priority: 1 }).where("name", "=", "python").execute();
  await core.insertRun(matrix(3, "linux"));
  for (let pass = 0; pass < 3; pass++) await scaler.runOnce();
  await core.db.updateTable("pools").set({ priority: 0 }).where("name", "=", "python").execute();
  expect([(await machines("python")).length, (await machines("node")).length]).toEqual([3, 0]);
});

it("a pool whose limit of jobs is reached gets no agents that could not work", async () => {
  await setPolicy("python", { max: 10 });
  await core.db.updateTable("pools").set({ jobs_max: 2 }).where("name", "=", "python").execute();
  await core.insertRun(matrix(8));
  await scaler.runOnce();
  expect(await machines("python")).toHaveLength(2);
});

it("makes room for jobs whose needs are about to end", async () => {
  const yaml = `
on: push
jobs:
  build: { runs-on: java, steps: [{ run: x }] }
  test:
    runs-on: java
    needs: build
    strategy: { matrix: { n: [1, 2, 3] } }
    steps: [{ run: x }]
`;
  // both ran here before: a build takes 10 s
  await setPolicy("java", { max: 10, targetWaitMs: 0 });
  const before = await core.insertRun(yaml);
  await scaler.runOnce();
  const [agentId] = await joinMachines("java");
  if (agentId === undefined) throw new Error("no agent");
  const labels = await core.db.selectFrom("label_sets").select("id").executeTakeFirstOrThrow();
  const now = new Date();
  for (const [index, { id }] of (await core.jobs(before)).entries()) {
    const done = { state: "finished", outcome: "succeeded", conclusion: "success", finished_at: now } as const;
    const row = { ...done, label_set_id: labels.id, queued_at: now, started_at: now };
    await core.db.updateTable("jobs").set(row).where("id", "=", id).execute();
    const ids = {
      id: randomUUID(),
      lease_id: randomUUID(),
      job_id: id,
      agent_id: agentId,
      pool: "java",
      no: index + 1,
    };
    const ended = { state: "finished", outcome: "succeeded", finished_at: now, offer_until: now } as const;
    await core.db
      .insertInto("attempts")
      .values({ ...ids, ...ended, offered_at: secondsAgo(10) })
      .execute();
  }
  const runId = await core.insertRun(yaml);
  const build = (await core.jobs(runId)).find((job) => job.key === "build");
  if (build === undefined) throw new Error("no build");
  await grant("java", agentId, build.id);
  const started = { requested_at: secondsAgo(60), joined_at: secondsAgo(57) };
  await core.db.updateTable("machines").set(started).where("agent_id", "=", agentId).execute();
  const fresh = createScaler({
    ...{ db: core.db, clock: systemClock, metrics: createScalingMetrics(new Registry(), core.db) },
    logger: createLogger({ component: "scaling-test", level: "fatal" }),
    terms: { find: (pool) => terms.get(pool), pools: () => [...terms.keys()] },
  });
  await fresh.runOnce();
  // 10 s to go, an agent takes 3: too early
  expect(await machines("java")).toHaveLength(1);
  await core.db
    .updateTable("attempts")
    .set({ offered_at: secondsAgo(7) })
    .where("state", "=", "offered")
    .execute();
  await fresh.runOnce();
  // the agent that builds is one of the three
  expect((await machines("java")).length).toBeGreaterThanOrEqual(3);
  expect((await decisions("java"))[0]).toMatchObject({ direction: "up", code: "needs", queued: 0 });
});

it("decides nothing about a pool that another controller dispatches", async () => {
  await setPolicy("python", { max: 3 });
  await core.insertRun(matrix(5));
  const own = terms.get("python");
  terms.set("python", { pool: "python", termId: randomUUID() });
  await scaler.runOnce();
  if (own !== undefined) terms.set("python", own);
  expect(await machines("python")).toEqual([]);
  expect(await decisions("python")).toEqual([]);
});

it("keeps the last thousand decisions of a pool", async () => {
  const decision = { direction: "hold", code: "enough", reason: "r", desired: 0, made: 0, ended: 0 } as const;
  const seen = { starting: 0, idle: 0, busy: 0, queued: 0 };
  const old = Array.from({ length: SCALE_DECISIONS_MAX + 5 }, () => ({ pool: "python", ...decision, ...seen }));
  await core.db.insertInto("scale_decisions").values(old).execute();
  await inTransaction(core.db, (tx) => recordScaleDecision(tx, "python", { ...decision, ...seen, reason: "newest" }));
  const kept = await core.db.selectFrom("scale_decisions").select("reason").orderBy("id", "desc").execute();
  expect(kept).toHaveLength(SCALE_DECISIONS_MAX);
  expect(kept[0]?.reason).toBe("newest");
});

it("tells agents, decisions and the queue in metrics, by pool", async () => {
  await setPolicy("python", { max: 2 });
  await core.insertRun(matrix(5));
  await scaler.runOnce();
  const text = await registry.metrics();
  expect(text).toContain('windrow_pool_agents{pool="python",state="starting"} 2');
  expect(text).toContain('windrow_pool_desired_agents{pool="python"} 2');
  expect(text).toContain('windrow_pool_queued_jobs{pool="python"} 5');
  expect(text).toContain('windrow_scale_decisions_total{pool="python",direction="up"} 1');
  expect(text).toContain('windrow_pool_agents_requested_total{pool="python"} 2');
});

it("reads the recorded history of a pool and its waits", async () => {
  await setPolicy("go", { max: 1 });
  const runId = await core.insertRun(matrix(2, "go"));
  await scaler.runOnce();
  const [agentId] = await joinMachines("go");
  const [job] = await core.jobs(runId);
  if (agentId === undefined || job === undefined) throw new Error("nothing there");
  await core.db
    .updateTable("jobs")
    .set({ queued_at: secondsAgo(20) })
    .where("id", "=", job.id)
    .execute();
  await grant("go", agentId, job.id);
  const { offered_at } = await core.db
    .selectFrom("attempts")
    .select("offered_at")
    .where("job_id", "=", job.id)
    .executeTakeFirstOrThrow();
  const ended = {
    state: "finished",
    outcome: "succeeded",
    finished_at: new Date(offered_at.getTime() + 5_000),
  } as const;
  await core.db.updateTable("attempts").set(ended).where("job_id", "=", job.id).execute();
  const nowMs = Date.now() + 10_000;
  const history = await readHistory(core.db, { pool: "go", fromMs: nowMs - 3_600_000, toMs: nowMs });
  expect(history.jobs).toHaveLength(1);
  expect(history.jobs[0]).toMatchObject({ jobId: job.id, labels: ["go"], needs: [] });
  expect(history.jobs[0]?.runMs).toBeCloseTo(5_000, -1);
  expect(history.agentsMax).toBe(1);
  const waits = await readPoolWaits(core.db, { pool: "go", sinceMs: 3_600_000, targetWaitMs: 10_000 });
  expect(waits.jobsCount).toBe(1);
  expect(waits.p50Ms).toBeGreaterThan(19_000);
  expect(waits.withinTargetPercent).toBe(0);
});
