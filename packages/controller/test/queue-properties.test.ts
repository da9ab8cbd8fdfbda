import { afterEach, expect, it } from "vitest";
import { idleBesideMs, overlapMax, type QueueFarm, startQueueFarm } from "./queue-farm.ts";
import { waitFor } from "./wait-for.ts";

let farm: QueueFarm | undefined;
afterEach(async () => {
  await farm?.stop();
  farm = undefined;
});

const OWNERS = ["ann", "bob", "cy", "dan"];
const LIMIT = 5;
const POOL_LIMIT = 6;
const IDLE_MS_MAX = 1_000;
/** Of 10,000 grants: some passes of two dispatchers that began before. */
const SOON = 400;

async function readLabels({ db }: QueueFarm): Promise<Map<string, readonly string[]>> {
  const agents = await db.selectFrom("agents").select(["id", "effective_labels"]).execute();
  return new Map(agents.map((agent) => [agent.id, agent.effective_labels]));
}

it("keeps its promises on a real queue of 10,000 jobs and two controllers", { timeout: 120_000 }, async () => {
  farm = await startQueueFarm([["default", "node"], ["go"]]);
  const { db, dispatchers } = farm;
  await db.updateTable("pools").set({ jobs_max: POOL_LIMIT }).where("name", "=", "node").execute();
  await farm.addAgents({ pool: "default", count: 60 });
  await farm.addAgents({ pool: "go", count: 40, labels: ["linux", "arm"] });
  await farm.addAgents({ pool: "node", count: 10, labels: ["special"] });
  // one owner floods the farm before the others come
  await farm.queue([{ owner: "ann", repository: "flood", labels: ["linux"], count: 2_400 }]);
  await farm.queue(OWNERS.slice(1).map((owner) => ({ owner, repository: "app", labels: ["linux"], count: 2_400 })));
  await farm.queue([
    { owner: "eve", repository: "limited", labels: ["linux"], count: 130 },
    { owner: "eve", repository: "node", labels: ["special"], count: 190 },
    { owner: "eve", repository: "urgent", labels: ["linux"], count: 30, priority: 9 },
    { owner: "eve", repository: "late", labels: ["arm"], count: 50, priority: -9 },
  ]);
  await db.updateTable("repositories").set({ jobs_max: LIMIT }).where("name", "=", "limited").execute();
  const limited = (await db.selectFrom("repositories").select("id").where("name", "=", "limited").execute()).map(
    ({ id }) => id,
  );
  const readyAtMs = Date.now();
  await Promise.all(dispatchers.map((dispatcher) => dispatcher.start()));
  const running = farm.runAll({ runsMs: () => 100 + Math.random() * 300, withinMs: 100_000 });
  // while all goes on a person moves some of the last jobs to the top
  const grantsCount = async () =>
    (
      await db
        .selectFrom("attempts")
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow()
    ).count;
  await waitFor("some grants", async () => (await grantsCount()) > 1_000, { withinMs: 30_000 });
  const top = await db
    .updateTable("jobs")
    .set({ priority: 1_000_000 })
    .where("id", "in", (eb) =>
      eb
        .selectFrom("jobs")
        .select("id")
        .where("state", "=", "queued")
        .where("owner", "=", "ann")
        .orderBy("id", "desc")
        .limit(3),
    )
    .returning("id")
    .execute();
  const grantedBefore = await grantsCount();
  const grants = await running;

  expect(new Set(grants.map((grant) => grant.jobId)).size).toBe(10_000);
  expect(grants).toHaveLength(10_000);
  expect(overlapMax(grants.filter((grant) => grant.repositoryId === limited[0]))).toBe(LIMIT);
  expect(overlapMax(grants.filter((grant) => grant.pool === "node"))).toBe(POOL_LIMIT);
  const labelsOf = await readLabels(farm);
  const unlimited = new Map([...labelsOf].filter(([, labels]) => !labels.includes("special")));
  expect(idleBesideMs(grants, { readyAtMs, labelsOf: unlimited, limited: new Set(limited) })).toBeLessThan(IDLE_MS_MAX);
  const early = grants.slice(0, 4_000);
  const counts = OWNERS.map((owner) => early.filter((grant) => grant.owner === owner).length);
  expect(jainIndex(counts)).toBeGreaterThanOrEqual(0.95);
  // first what is urgent, but for the turns of who waits longest and what the other dispatcher grants meanwhile
  const urgent = grants.flatMap((grant, no) => (grant.priority === 9 ? [no] : []));
  expect(Math.max(...urgent)).toBeLessThan(SOON);
  for (const { id } of top) {
    const order = grants.findIndex((grant) => grant.jobId === id);
    expect(order).toBeGreaterThan(1_000);
    expect(order - grantedBefore).toBeLessThan(SOON);
  }
});

it("leaves none of 60 agents idle for a second beside a burst of 300 jobs", { timeout: 60_000 }, async () => {
  farm = await startQueueFarm([["default"], ["node"]]);
  await farm.addAgents({ pool: "default", count: 60 });
  await Promise.all(farm.dispatchers.map((dispatcher) => dispatcher.start()));
  const readyAtMs = Date.now();
  await farm.queue([{ owner: "ann", repository: "app", labels: ["ubuntu-latest"], count: 300 }]);
  const grants = await farm.runAll({ runsMs: () => 50 + Math.random() * 1_500, withinMs: 50_000 });
  expect(grants).toHaveLength(300);
  expect(new Set(grants.map((grant) => grant.agentId)).size).toBe(60);
  expect(idleBesideMs(grants, { readyAtMs, labelsOf: await readLabels(farm) })).toBeLessThan(IDLE_MS_MAX);
});

it("gives jobs of a language to its pool while that has room, and to another one when it has not", {
  timeout: 60_000,
}, async () => {
  farm = await startQueueFarm([["default"], ["node"]]);
  await farm.addAgents({ pool: "default", count: 20 });
  await farm.addAgents({ pool: "node", count: 20 });
  const readyAtMs = Date.now();
  const job = { owner: "ann", repository: "app", labels: ["linux"], preferredPool: "node" };
  await farm.queue([{ ...job, count: 15 }]);
  await Promise.all(farm.dispatchers.map((dispatcher) => dispatcher.start()));
  const first = await farm.runAll({ runsMs: () => 300, withinMs: 20_000 });
  expect(new Set(first.map((grant) => grant.pool))).toEqual(new Set(["node"]));
  await farm.queue([{ ...job, count: 60 }]);
  const grants = await farm.runAll({ runsMs: () => 2_000, withinMs: 40_000 });
  expect(new Set(grants.slice(15, 55).map((grant) => grant.agentId)).size).toBe(40);
  expect(idleBesideMs(grants, { readyAtMs, labelsOf: await readLabels(farm) })).toBeLessThan(IDLE_MS_MAX);
});

/** 1 when all have the same, 1/n when one has everything. */
function jainIndex(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  return (sum * sum) / (values.length * values.reduce((total, value) => total + value * value, 0));
}
