import { randomUUID } from "node:crypto";
import { type AgentId, asAttemptId, asJobId, asLeaseId } from "@windrow/model";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type Database,
  type DispatcherTerm,
  drainAgent,
  electDispatcher,
  findFreeAgents,
  grantLeases,
  inTransaction,
  lockParallelGroup,
  lockRepositoryLimit,
  readWarmRate,
  renewDispatcher,
  resignDispatcher,
  type Tx,
} from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";
import { createFarmRows, type FarmRows } from "./farm-rows.ts";

let db: Database;
let farm: FarmRows;
let term: DispatcherTerm;
beforeAll(async () => {
  db = await createMigratedDatabase();
  farm = createFarmRows(db);
});
beforeEach(async () => {
  await sql`truncate jobs, attempts, pool_leases, agents, agent_instances cascade`.execute(db);
  term = await farm.term();
});
afterAll(() => db.destroy());

const choose = (jobId: number, agentId: AgentId) => ({
  jobId: asJobId(jobId),
  agentId,
  attemptId: asAttemptId(randomUUID()),
  leaseId: asLeaseId(randomUUID()),
});
const jobState = async (id: number) =>
  (await db.selectFrom("jobs").select("state").where("id", "=", id).executeTakeFirstOrThrow()).state;

describe("grantLeases", () => {
  it("leases what it was asked for, with rising fences", async () => {
    const agent = await farm.agent({ slots: 2 });
    const [one = 0, two = 0] = await farm.queue({ count: 2 });
    const granted = await grantLeases(db, term, [choose(one, agent), choose(two, agent)]);
    expect(granted.map((lease) => [lease.jobId, lease.attemptNo])).toEqual([
      [one, 1],
      [two, 1],
    ]);
    expect(new Set(granted.map((lease) => lease.fence)).size).toBe(2);
    expect([await jobState(one), await jobState(two)]).toEqual(["leased", "leased"]);
    expect(await findFreeAgents(db, "default")).toEqual([]);
  });

  it("gives an agent no more than its free slots, whatever was chosen", async () => {
    const agent = await farm.agent({ slots: 2 });
    const jobs = await farm.queue({ count: 4 });
    expect(await grantLeases(db, term, [choose(jobs[0] ?? 0, agent)])).toHaveLength(1);
    expect(
      await grantLeases(
        db,
        term,
        jobs.slice(1).map((job) => choose(job, agent)),
      ),
    ).toHaveLength(1);
    expect(await grantLeases(db, term, [choose(jobs[3] ?? 0, agent)])).toEqual([]);
  });

  it("grants a job once, though two choose it", async () => {
    const [first, second] = [await farm.agent(), await farm.agent()];
    const [job = 0] = await farm.queue();
    const both = await Promise.all([
      grantLeases(db, term, [choose(job, first)]),
      grantLeases(db, term, [choose(job, second)]),
    ]);
    expect(both.flat()).toHaveLength(1);
  });

  it.each([
    ["is cancelled", sql`update jobs set cancel_requested_at = now()`],
    ["is held", sql`update jobs set held_reason = 'approval'`],
    ["waits after a loss", sql`update jobs set not_before = now() + interval '1 minute'`],
    ["is of a paused pool", sql`update pools set paused_at = now()`],
  ])("leaves a job that %s", async (_, change) => {
    const agent = await farm.agent();
    const [job = 0] = await farm.queue();
    await change.execute(db);
    expect(await grantLeases(db, term, [choose(job, agent)])).toEqual([]);
    await sql`update pools set paused_at = null`.execute(db);
  });

  it("offers nothing to an agent that is not connected, or drains", async () => {
    const [away, draining] = [await farm.agent({ connected: false }), await farm.agent()];
    await drainAgent(db, { agentId: draining, draining: true, reason: "test" });
    const jobs = await farm.queue({ count: 2 });
    expect(await grantLeases(db, term, [choose(jobs[0] ?? 0, away), choose(jobs[1] ?? 0, draining)])).toEqual([]);
    expect(await findFreeAgents(db, "default")).toEqual([]);
  });

  it("offers nothing to an agent that is disabled", async () => {
    const agent = await farm.agent();
    await sql`update agents set disabled_at = now(), disabled_reason = 'test'`.execute(db);
    const [job = 0] = await farm.queue();
    expect(await findFreeAgents(db, "default")).toEqual([]);
    expect(await grantLeases(db, term, [choose(job, agent)])).toEqual([]);
  });

  it("gives an agent that takes one job a second one only when the first was never started", async () => {
    const agent = await farm.agent({ slots: 4 });
    await sql`update agents set is_ephemeral = true`.execute(db);
    const jobs = await farm.queue({ count: 4 });
    const grant = (...wanted: number[]) =>
      grantLeases(
        db,
        term,
        wanted.map((no) => choose(jobs[no] ?? 0, agent)),
      );
    expect(await findFreeAgents(db, "default")).toMatchObject([{ agentId: agent, freeSlots: 1 }]);
    expect(await grant(0, 1)).toHaveLength(1);
    expect(await grant(1)).toEqual([]);
    await sql`update attempts set state = 'declined', finished_at = now()`.execute(db);
    expect(await grant(1)).toHaveLength(1);
    await sql`update attempts set state = 'finished', outcome = 'succeeded', started_at = now(), finished_at = now()
      where state = 'offered'`.execute(db);
    expect(await findFreeAgents(db, "default")).toEqual([]);
    expect(await grant(2)).toEqual([]);
  });

  it("runs no more jobs of a pool than its limit, the first choices first", async () => {
    const agent = await farm.agent({ slots: 9 });
    await sql`update pools set jobs_max = 2 where name = 'default'`.execute(db);
    const jobs = await farm.queue({ count: 4 });
    const reversed = jobs.toReversed().map((job) => choose(job, agent));
    expect((await grantLeases(db, term, reversed)).map((lease) => lease.jobId)).toEqual(jobs.slice(2));
    expect(await grantLeases(db, term, [choose(jobs[0] ?? 0, agent)])).toEqual([]);
    await sql`update pools set jobs_max = null where name = 'default'`.execute(db);
  });

  it("says which grants are warm, and counts them", async () => {
    const [one, two] = [await farm.agent({ slots: 9 }), await farm.agent({ slots: 9 })];
    const jobs = await farm.queue({ count: 4 });
    const grant = async (no: number, agent: AgentId) =>
      (await grantLeases(db, term, [choose(jobs[no] ?? 0, agent)]))[0]?.isWarm;
    expect([await grant(0, one), await grant(1, one), await grant(2, two), await grant(3, two)]).toEqual([
      ...[false, true, false, true],
    ]);
    expect(await readWarmRate(db, "default")).toEqual({ grantsCount: 4, warmCount: 2 });
  });

  it.each([
    ["the pool is paused", (tx: Tx) => sql`update pools set paused_at = now() where name = 'default'`.execute(tx)],
    ["the agent is told to drain", (tx: Tx) => sql`update agents set drain_requested = true`.execute(tx)],
    ["the agent is disabled", (tx: Tx) => sql`update agents set disabled_at = now()`.execute(tx)],
  ])("grants nothing when %s between the choice and the grant, which waits for it", async (_, change) => {
    const agent = await farm.agent();
    const [job = 0] = await farm.queue();
    let late: Promise<unknown> = Promise.resolve();
    await inTransaction(db, async (tx) => {
      await change(tx);
      late = grantLeases(db, term, [choose(job, agent)]);
      await expect
        .poll(async () => {
          const { rows } =
            await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`.execute(
              db,
            );
          return rows.length;
        })
        .toBe(1);
    });
    expect(await late).toEqual([]);
    expect(await jobState(job)).toBe("queued");
    await sql`update pools set paused_at = null`.execute(db);
  });

  it("does nothing for a dispatcher whose term is over, also while the election is under way", async () => {
    const agent = await farm.agent();
    const [job = 0] = await farm.queue();
    let late: Promise<unknown> | undefined;
    await inTransaction(db, async (tx) => {
      await sql`update pool_leases set term_id = ${randomUUID()}`.execute(tx);
      late = grantLeases(db, term, [choose(job, agent)]);
    });
    expect(await late).toEqual([]);
    expect(await grantLeases(db, term, [choose(job, agent)])).toEqual([]);
    expect(await jobState(job)).toBe("queued");
  });
});

describe("dispatcher terms", () => {
  it("are held by one at a time, extended by name, and free after they end or are resigned", async () => {
    const elect = (ttlMs = 60_000) => electDispatcher(db, { controllerId: randomUUID(), termId: randomUUID(), ttlMs });
    expect(await elect()).toEqual([]);
    expect(await renewDispatcher(db, { terms: [term], ttlMs: 60_000 })).toEqual([term]);
    expect(await renewDispatcher(db, { terms: [{ ...term, termId: randomUUID() }], ttlMs: 60_000 })).toEqual([]);
    await resignDispatcher(db, [{ ...term, termId: randomUUID() }]);
    expect(await elect()).toEqual([]);
    await resignDispatcher(db, [term]);
    const [next] = await elect(0);
    expect(next?.pool).toBe("default");
    expect(await renewDispatcher(db, { terms: next === undefined ? [] : [next], ttlMs: 1_000 })).toEqual([]);
    expect(await elect()).toHaveLength(1);
  });
});

describe("lockRepositoryLimit", () => {
  it("holds over two pools, whose dispatchers grant at once", async () => {
    const agents = [await farm.agent({ slots: 9 }), await farm.agent({ slots: 9 })];
    await sql`update agents set pool = 'node' where id = ${agents[1]}`.execute(db);
    const [jobs, more] = [await farm.queue({ count: 6 }), await farm.queue({ count: 6 })];
    const { repository_id: id } = await db.selectFrom("jobs").select("repository_id").executeTakeFirstOrThrow();
    await sql`update repositories set jobs_max = 3`.execute(db);
    const grantSome = (list: readonly number[], pool: string, agent: AgentId | undefined) =>
      inTransaction(db, async (tx) => {
        const left = await lockRepositoryLimit(tx, id);
        const fit = list.slice(0, left).flatMap((job) => (agent === undefined ? [] : choose(job, agent)));
        return fit.length > 0 ? grantLeases(tx, { ...term, pool }, fit) : [];
      });
    const granted = await Promise.all([grantSome(jobs, "default", agents[0]), grantSome(more, "node", agents[1])]);
    expect(granted.flat()).toHaveLength(3);
    await sql`update repositories set jobs_max = null`.execute(db);
    expect(await inTransaction(db, (tx) => lockRepositoryLimit(tx, id))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("lockParallelGroup", () => {
  it("counts again when the one before it has committed", async () => {
    const agent = await farm.agent({ slots: 4 });
    const jobs = await farm.queue({ count: 3 });
    await sql`update jobs set max_parallel = 1, matrix_total = 3`.execute(db);
    const { run_id: runId } = await db.selectFrom("jobs").select("run_id").executeTakeFirstOrThrow();
    const grantOne = (job: number) =>
      inTransaction(db, async (tx) => {
        const left = await lockParallelGroup(tx, `${runId}/1/job`);
        return left > 0 ? grantLeases(tx, term, [choose(job, agent)]) : [];
      });
    const granted = await Promise.all(jobs.map(grantOne));
    expect(granted.flat()).toHaveLength(1);
  });
});
