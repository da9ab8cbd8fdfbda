import { randomUUID } from "node:crypto";
import { type AgentId, asAttemptId, asJobId, asLeaseId, MACHINE_STATES, type MachineState } from "@windrow/model";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  countMachines,
  type Database,
  endMachine,
  grantLeases,
  inTransaction,
  listMachines,
  listProvidedPools,
  machineJoined,
  noteCreated,
  noteFailed,
  noteGone,
  noteProviderError,
  requestMachines,
} from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";
import { createFarmRows, type FarmRows } from "./farm-rows.ts";

let db: Database;
let farm: FarmRows;
beforeAll(async () => {
  db = await createMigratedDatabase();
  farm = createFarmRows(db);
});
beforeEach(async () => {
  await sql`truncate jobs, attempts, pool_leases, agents, agent_instances, machines cascade`.execute(db);
  await db
    .updateTable("pools")
    .set({ provider: JSON.stringify({ kind: "process", host: "here" }), slots: 3 })
    .where("name", "=", "default")
    .execute();
});
afterAll(() => db?.destroy());

const request = (count = 1) =>
  inTransaction(db, (tx) => requestMachines(tx, { pool: "default", count, reason: "3 jobs wait" }));
const end = (machineId: string) => inTransaction(db, (tx) => endMachine(tx, { machineId, reason: "idle" }));
const stateOf = async (id: string) =>
  (await db.selectFrom("machines").select("state").where("id", "=", id).executeTakeFirstOrThrow()).state;
const setState = (id: string, state: MachineState) =>
  db
    .updateTable("machines")
    .set({ state, ended_at: state === "ended" || state === "failed" ? sql`now()` : null })
    .where("id", "=", id)
    .execute();

async function one(): Promise<string> {
  const [id] = await request();
  if (id === undefined) throw new Error("nothing was asked for");
  return id;
}

/** A machine whose agent has joined and is connected. */
async function ready(): Promise<{ machineId: string; agentId: AgentId }> {
  const machineId = await one();
  const agentId = await farm.agent({ slots: 1 });
  await inTransaction(db, (tx) => machineJoined(tx, { machineId, agentId }));
  return { machineId, agentId };
}

describe("requestMachines", () => {
  it("asks for machines with the pool's settings as they stand", async () => {
    expect(await request(2)).toHaveLength(2);
    const machines = await listMachines(db, ["default"]);
    expect(machines).toHaveLength(2);
    expect(machines[0]).toMatchObject({
      state: "creating",
      provider: "process",
      host: "here",
      settings: { kind: "process", host: "here" },
      isEphemeral: false,
      reason: "3 jobs wait",
      waitMs: 0,
      agentId: null,
      openCount: 0,
    });
    expect(machines[0]?.name).toMatch(/^default-[0-9a-f]{10}$/);
    expect(await countMachines(db)).toEqual([{ pool: "default", state: "creating", count: 2 }]);
    expect(await listProvidedPools(db)).toEqual([
      { pool: "default", settings: { kind: "process", host: "here" }, slots: 3 },
    ]);
  });

  it("asks for nothing when the pool has no provider", async () => {
    expect(await inTransaction(db, (tx) => requestMachines(tx, { pool: "go", count: 1, reason: "" }))).toEqual([]);
    await expect(request(0)).rejects.toThrow(RangeError);
    await expect(request(101)).rejects.toThrow(RangeError);
  });
});

describe("the changes of a machine", () => {
  const from: Record<string, { from: MachineState[]; to: MachineState; change: (id: string) => Promise<boolean> }> = {
    noteCreated: { from: ["creating"], to: "starting", change: (id) => noteCreated(db, id) },
    noteGone: {
      from: ["creating", "starting", "ready", "ending"],
      to: "ended",
      change: (machineId) => noteGone(db, { machineId, reason: "not listed" }),
    },
    noteFailed: {
      from: ["creating", "starting", "ending"],
      to: "failed",
      change: (machineId) => noteFailed(db, { machineId, error: "never joined" }),
    },
    endMachine: { from: ["creating", "starting", "ready"], to: "ending", change: end },
  };
  for (const [name, { from: allowed, to, change }] of Object.entries(from)) {
    it.each(MACHINE_STATES)(`${name} of one that is %s`, async (state) => {
      const id = await one();
      await setState(id, state);
      const may = allowed.includes(state);
      expect(await change(id)).toBe(may);
      expect(await stateOf(id)).toBe(may ? to : state);
    });
  }

  it("are told as events", async () => {
    await sql`truncate events`.execute(db);
    const id = await one();
    await noteCreated(db, id);
    await end(id);
    await noteGone(db, { machineId: id, reason: "gone" });
    const events = await db.selectFrom("events").select("kind").orderBy("id").execute();
    expect(events.map((event) => event.kind)).toEqual([
      "machine_creating",
      "machine_starting",
      "machine_ending",
      "machine_ended",
    ]);
  });
});

describe("machineJoined", () => {
  it("makes the machine ready, also before its provider has answered", async () => {
    const { machineId, agentId } = await ready();
    expect(await listMachines(db)).toMatchObject([{ id: machineId, state: "ready", agentId, agentState: "ready" }]);
    const agent = await db.selectFrom("agents").selectAll().executeTakeFirstOrThrow();
    expect(agent).toMatchObject({ machine_id: machineId, is_ephemeral: false });
    expect(await noteCreated(db, machineId)).toBe(false);
  });

  it("passes on that the agent takes one job only", async () => {
    const machineId = await one();
    await db.updateTable("machines").set({ is_ephemeral: true }).execute();
    const agentId = await farm.agent();
    expect(await inTransaction(db, (tx) => machineJoined(tx, { machineId, agentId }))).toEqual({ isEphemeral: true });
    expect((await db.selectFrom("agents").selectAll().executeTakeFirstOrThrow()).is_ephemeral).toBe(true);
  });

  it("takes one agent, and none when the machine is to go", async () => {
    const { machineId } = await ready();
    const second = await farm.agent();
    expect(await inTransaction(db, (tx) => machineJoined(tx, { machineId, agentId: second }))).toBeUndefined();
    const other = await one();
    await end(other);
    expect(await inTransaction(db, (tx) => machineJoined(tx, { machineId: other, agentId: second }))).toBeUndefined();
    expect(await db.selectFrom("agents").select("id").where("machine_id", "=", other).execute()).toEqual([]);
  });
});

describe("endMachine", () => {
  it("drains the agent in the same statement", async () => {
    const { machineId } = await ready();
    expect(await end(machineId)).toBe(true);
    const agent = await db.selectFrom("agents").selectAll().executeTakeFirstOrThrow();
    expect(agent).toMatchObject({ state: "draining", drain_requested: true, drain_reason: "idle" });
  });

  it("leaves a busy agent alone", async () => {
    const { machineId, agentId } = await ready();
    const [job = 0] = await farm.queue();
    expect(await grantLeases(db, await farm.term(), [choose(job, agentId)])).toHaveLength(1);
    expect(await end(machineId)).toBe(false);
    expect(await db.selectFrom("agents").select("drain_requested").executeTakeFirst()).toEqual({
      drain_requested: false,
    });
  });

  it("leaves an agent alone that has not connected yet", async () => {
    const machineId = await one();
    const agentId = await farm.agent({ connected: false });
    await inTransaction(db, (tx) => machineJoined(tx, { machineId, agentId }));
    expect(await end(machineId)).toBe(false);
  });

  it("never ends a machine that is granted a job at the same time", async () => {
    const term = await farm.term();
    for (let round = 0; round < 20; round++) {
      const { machineId, agentId } = await ready();
      const [job = 0] = await farm.queue();
      const [granted, isEnding] = await Promise.all([grantLeases(db, term, [choose(job, agentId)]), end(machineId)]);
      expect([granted.length, isEnding]).toSatisfy(
        ([count, ending]: [number, boolean]) => (count === 1) !== ending,
        `round ${round}: granted ${granted.length}, ending ${isEnding}`,
      );
    }
  });

  it("waits for a grant that is not committed, and then sees it", async () => {
    const term = await farm.term();
    const { machineId, agentId } = await ready();
    const [job = 0] = await farm.queue();
    let ending: Promise<boolean> | undefined;
    await inTransaction(db, async (tx) => {
      expect(await grantLeases(tx, term, [choose(job, agentId)])).toHaveLength(1);
      ending = end(machineId);
      await waitForLock();
    });
    expect(await ending).toBe(false);
    expect(await stateOf(machineId)).toBe("ready");
  });
});

describe("noteProviderError", () => {
  it("keeps the provider's words and puts the next try off", async () => {
    const id = await one();
    expect(await noteProviderError(db, { machineId: id, error: "no such image", delayMs: 60_000 })).toBe(true);
    await noteProviderError(db, { machineId: id, error: "no such image", delayMs: 60_000 });
    const [machine] = await listMachines(db);
    expect(machine).toMatchObject({ state: "creating", error: "no such image", tryCount: 2 });
    expect(machine?.waitMs).toBeGreaterThan(50_000);
    await noteCreated(db, id);
    expect((await listMachines(db))[0]).toMatchObject({ error: null, tryCount: 0, waitMs: 0 });
    await noteGone(db, { machineId: id, reason: "gone" });
    expect(await noteProviderError(db, { machineId: id, error: "late", delayMs: 1 })).toBe(false);
  });
});

const choose = (jobId: number, agentId: AgentId) => ({
  jobId: asJobId(jobId),
  agentId,
  attemptId: asAttemptId(randomUUID()),
  leaseId: asLeaseId(randomUUID()),
});

/** Resolves when some connection waits for a lock of another. */
async function waitForLock(): Promise<void> {
  for (let look = 0; look < 500; look++) {
    const { rows } =
      await sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`.execute(
        db,
      );
    if (rows.length > 0) return;
  }
  throw new Error("nobody waits for a lock");
}
