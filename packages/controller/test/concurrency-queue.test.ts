import { startTestPostgres } from "@windrow/embedded/testing";
import {
  type Database,
  ensureRepository,
  inTransaction,
  migrate,
  openDatabase,
  releaseEntries,
  requestEntries,
} from "@windrow/store";
import { afterAll, beforeAll, expect, it } from "vitest";
import { settleGroup } from "../src/concurrency/settle-group.ts";

const WAITERS = 500;

let db: Database;
let drop: () => Promise<void>;
beforeAll(async () => {
  const made = await (await startTestPostgres()).createDatabase();
  drop = made.drop;
  db = openDatabase({ connectionString: made.connectionString, onError: () => undefined });
  await migrate(db);
});
afterAll(async () => {
  await db.destroy();
  await drop();
});

it("with queue max a group is handed on to 500 that wait, in the order they asked", { timeout: 60_000 }, async () => {
  const { repository } = await inTransaction(db, (tx) =>
    ensureRepository(tx, { owner: "me", name: "app", createdBy: "me" }),
  );
  const run = { event_name: "push", event_json: "{}", ref: "refs/heads/main", sha: "a", actor: "me" };
  const runs = await db
    .insertInto("runs")
    .values(
      Array.from({ length: WAITERS }, (_, no) => ({
        ...{ ...run, repository_id: repository.id, number: no + 1, workflow_path: "ci.yml", workflow_name: "ci" },
        state: "waiting" as const,
      })),
    )
    .returning("id")
    .execute();
  const group = { repositoryId: repository.id, groupKey: "deploy" };
  for (const { id } of runs)
    await inTransaction(db, async (tx) => {
      const entry = { repositoryId: repository.id, group: "Deploy", runId: id, queue: "max" as const };
      await requestEntries(tx, [{ ...entry, cancelInProgress: false }]);
    });
  await inTransaction(db, (tx) => settleGroup(tx, group));

  const order: number[] = [];
  for (let no = 0; no < WAITERS; no++) {
    const holders = await db
      .selectFrom("concurrency_entries")
      .select("run_id")
      .where("state", "=", "holding")
      .execute();
    expect(holders).toHaveLength(1);
    const runId = holders[0]?.run_id ?? 0;
    order.push(runId);
    await db
      .updateTable("runs")
      .set({ state: "finished", conclusion: "success", finished_at: new Date() })
      .where("id", "=", runId)
      .execute();
    await inTransaction(db, (tx) => releaseEntries(tx, runId));
    await inTransaction(db, (tx) => settleGroup(tx, group));
  }
  expect(order).toEqual(runs.map(({ id }) => id));
});
