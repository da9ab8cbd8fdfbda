import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, findCandidates, findPoolRooms } from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";
import { createFarmRows, type FarmRows } from "./farm-rows.ts";

let db: Database;
let farm: FarmRows;
beforeAll(async () => {
  db = await createMigratedDatabase();
  farm = createFarmRows(db);
});
afterAll(() => db.destroy());

const find = async (labels: string[][], perRepositoryMax = 3) =>
  (await findCandidates(db, { pool: "default", agentLabels: labels, perRepositoryMax })).candidates;

describe("findCandidates", () => {
  it("sees the first of each repository that these agents can run, and reads little else of a long queue", async () => {
    await farm.queue({ repository: "gpu-only", labels: ["gpu"], count: 20_000 });
    const long = await farm.queue({ repository: "long", count: 20_000 });
    const [urgent] = await farm.queue({ repository: "long", priority: 9 });
    const [other] = await farm.queue({ repository: "other", labels: ["linux", "arm"] });
    await sql`vacuum analyze jobs`.execute(db);
    const linux = await find([["linux"]]);
    expect(new Set(linux.map((row) => row.jobId))).toEqual(new Set([urgent, ...long.slice(0, 4)]));
    const arm = await find([["linux", "arm"], ["gpu"]]);
    expect(arm.map((row) => row.jobId)).toContain(other);
    expect(arm.filter((row) => row.labels.includes("gpu"))).toHaveLength(4);
    const before = await readRows();
    await find([["linux", "arm"]]);
    expect((await readRows()) - before).toBeLessThan(500);
  });

  it("leaves out what may not be granted now", async () => {
    await farm.queue({ repository: "held", labels: ["held"], count: 4 });
    await sql`update jobs set held_reason = 'x' where id in (select id from jobs j where repository_id = (select id from repositories where name = 'held') order by id limit 1)`.execute(
      db,
    );
    expect(await find([["held"]])).toHaveLength(3);
  });
});

describe("what the fair share and the limits need", () => {
  const look = (agentIds: readonly AgentId[] = []) =>
    findCandidates(db, { pool: "default", agentLabels: [["share"]], agentIds, perRepositoryMax: 3 });

  it("comes with the window: weights, open jobs, limits, warm agents of those that are free", async () => {
    const warm = await farm.agent({ labels: ["share"] });
    const cold = await farm.agent({ labels: ["share"] });
    const [first] = await farm.queue({ repository: "shared", labels: ["share"], count: 4 });
    await sql`update jobs set state = 'leased' where id = ${first}`.execute(db);
    await sql`update repositories set jobs_max = 2, weight = 3 where name = 'shared'`.execute(db);
    await sql`update owners set weight = 5`.execute(db);
    await sql`insert into agent_repositories (agent_id, repository_id)
      select ${warm}, id from repositories where name = 'shared'`.execute(db);
    expect((await look([warm, cold])).repositories).toMatchObject([
      { owner: "me", ownerWeight: 5, ownerOpen: 1, weight: 3, open: 1, jobsLeft: 1, warmAgentIds: [warm] },
    ]);
    expect((await look([cold])).repositories).toMatchObject([{ warmAgentIds: [] }]);
  });

  it("leaves out repositories that run as many jobs as they may, and says how many more the pool may run", async () => {
    await sql`update repositories set jobs_max = 1 where name = 'shared'`.execute(db);
    await sql`update pools set jobs_max = 7 where name = 'default'`.execute(db);
    expect(await look()).toMatchObject({ candidates: [], repositories: [], poolJobsLeft: 7 });
    await sql`update pools set jobs_max = null`.execute(db);
    expect((await look()).poolJobsLeft).toBeNull();
  });

  it("is known of other pools: their free slots by the labels of their agents", async () => {
    await sql`update agents set pool = 'node'`.execute(db);
    expect(await findPoolRooms(db, "default")).toMatchObject([
      { name: "node", weight: 1, jobsLeft: null, rooms: [{ freeSlots: 2 }] },
    ]);
    expect((await findPoolRooms(db, "default"))[0]?.rooms[0]?.labels).toContain("share");
    expect(await findPoolRooms(db, "node")).toEqual([]);
    await sql`update pools set paused_at = now() where name = 'node'`.execute(db);
    expect(await findPoolRooms(db, "default")).toEqual([]);
  });
});

/** Rows of the queue that this database has read so far, by index or by scan. */
async function readRows(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`.execute(db);
  const { rows } = await sql<{ count: number }>`
    select (seq_tup_read + idx_tup_fetch)::bigint as count from pg_stat_user_tables where relname = 'jobs'`.execute(db);
  return rows[0]?.count ?? 0;
}
