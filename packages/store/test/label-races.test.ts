import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import {
  type Database,
  inTransaction,
  listQueue,
  lockPoolSettings,
  setLabelAlias,
  setPool,
  type Tx,
} from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";
import { createFarmRows } from "./farm-rows.ts";

let db: Database;
beforeAll(async () => {
  db = await createMigratedDatabase();
});
beforeEach(async () => {
  await sql`truncate jobs, attempts, agents, agent_instances, label_aliases cascade`.execute(db);
  await sql`update pools set labels = '{}' where name = 'default'`.execute(db);
});
afterAll(() => db.destroy());

const isWaitedFor = async (): Promise<boolean> => {
  const { rows } = await sql`
    select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`.execute(db);
  return rows.length > 0;
};
const labelsOf = async (id: string): Promise<readonly string[]> =>
  (await db.selectFrom("agents").select("effective_labels").where("id", "=", id).executeTakeFirstOrThrow())
    .effective_labels;
const join = (tx: Tx) => createFarmRows(tx).agent({ connected: false });
const setPoolLabels = async (tx: Tx): Promise<void> => {
  const before = await lockPoolSettings(tx, "default");
  if (before !== undefined) await setPool(tx, "default", { ...before, labels: ["gpu"] });
};
const setAlias = async (tx: Tx): Promise<void> => {
  await setLabelAlias(tx, { alias: "penguin", labels: ["linux"], by: "me" });
};

for (const [what, change, label] of [
  ["its pool's labels", setPoolLabels, "gpu"],
  ["an alias", setAlias, "penguin"],
] as const) {
  it(`an agent that joins while somebody changes ${what} has the new labels, whoever comes first`, async () => {
    let other: Promise<unknown> = Promise.resolve();
    const agent = await inTransaction(db, async (tx) => {
      const id = await join(tx);
      other = inTransaction(db, change);
      await expect.poll(isWaitedFor).toBe(true);
      return id;
    });
    await other;
    expect(await labelsOf(agent)).toContain(label);

    await sql`truncate label_aliases, agents cascade`.execute(db);
    await sql`update pools set labels = '{}' where name = 'default'`.execute(db);
    let joining: Promise<string> = Promise.resolve("");
    await inTransaction(db, async (tx) => {
      await change(tx);
      joining = inTransaction(db, join);
      await expect.poll(isWaitedFor).toBe(true);
    });
    expect(await labelsOf(await joining)).toContain(label);
  });
}

it("an agent that comes with other labels while an alias changes has it, and an alias of nobody writes no agent", async () => {
  const agent = await inTransaction(db, join);
  let setting: Promise<unknown> = Promise.resolve();
  await inTransaction(db, async (tx) => {
    await sql`update agents set labels = '{linux,gpu}' where id = ${agent}`.execute(tx);
    setting = inTransaction(db, (other) => setLabelAlias(other, { alias: "cuda", labels: ["gpu"], by: "me" }));
    await expect.poll(isWaitedFor).toBe(true);
  });
  await setting;
  expect(await labelsOf(agent)).toContain("cuda");
  const version = async () =>
    (await sql`select ctid, effective_labels from agents where id = ${agent}`.execute(db)).rows;
  const before = await version();
  await inTransaction(db, (tx) => setLabelAlias(tx, { alias: "apple", labels: ["macos"], by: "me" }));
  expect(await version()).toEqual(before);
  await sql`delete from label_aliases where alias = 'cuda'`.execute(db);
  expect(await labelsOf(agent)).not.toContain("cuda");
});

it("what waits is found without reading the jobs that are finished", async () => {
  const farm = createFarmRows(db);
  await farm.queue({ count: 3 });
  await sql`
    insert into jobs (run_id, run_attempt, repository_id, owner, key, name, matrix_index, label_set_id, trust, state, outcome,
      conclusion, finished_at)
    select run_id, 1, repository_id, owner, 'old', 'old', n, label_set_id, trust, 'finished', 'succeeded', 'success', now()
    from (select * from jobs limit 1) j, generate_series(1, 8000) n`.execute(db);
  await sql`analyze jobs`.execute(db);
  for (const withBlocked of [false, true]) {
    expect(await listQueue(db, { withBlocked, limit: 10 })).toHaveLength(3);
    const states = sql.raw(withBlocked ? "('blocked', 'queued', 'leased')" : "('queued', 'leased')");
    const { rows } = await sql<{ "QUERY PLAN": string }>`
      explain select id from jobs j where j.state in ${states} order by -j.priority, j.id limit 10`.execute(db);
    expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toContain("jobs_waiting");
  }
});
