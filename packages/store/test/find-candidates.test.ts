import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, findCandidates } from "../src/index.ts";
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

/** Rows of the queue that this database has read so far, by index or by scan. */
async function readRows(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`.execute(db);
  const { rows } = await sql<{ count: number }>`
    select (seq_tup_read + idx_tup_fetch)::bigint as count from pg_stat_user_tables where relname = 'jobs'`.execute(db);
  return rows[0]?.count ?? 0;
}
