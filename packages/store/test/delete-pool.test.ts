import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type Database,
  deletePool,
  electDispatcher,
  inTransaction,
  POOL_SETTINGS_DEFAULT,
  setPool,
} from "../src/index.ts";
import { createMigratedDatabase } from "./database-kit.ts";

let db: Database;
beforeAll(async () => {
  db = await createMigratedDatabase();
});
afterAll(() => db.destroy());

it.each([
  ["its join token, as who joins does", sql`select from tokens where pool = 'short' for update`],
  ["its dispatcher's term, as who grants does", sql`select from pool_leases where pool = 'short' for share`],
])("a pool is locked after %s, so that neither ends the other", async (_, lock) => {
  await inTransaction(db, (tx) => setPool(tx, "short", POOL_SETTINGS_DEFAULT));
  await electDispatcher(db, { controllerId: randomUUID(), termId: randomUUID(), ttlMs: 60_000 });
  await sql`
    insert into tokens (id, kind, name, hash, prefix, pool, uses_max, expires_at, created_by)
    values (${randomUUID()}, 'join', 'short', ${Buffer.from(randomUUID())}, 'wrj', 'short', 1, now() + interval '1 hour', 'me')`.execute(
    db,
  );
  let deleting: Promise<unknown> = Promise.resolve();
  await inTransaction(db, async (tx) => {
    await lock.execute(tx);
    deleting = inTransaction(db, (other) => deletePool(other, "short"));
    await expect
      .poll(async () => {
        const { rows } = await sql`
          select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`.execute(db);
        return rows.length;
      })
      .toBe(1);
    await sql`select from pools where name = 'short' for share nowait`.execute(tx);
  });
  expect(await deleting).toMatchObject({ hold: { agentsCount: 0 } });
  expect((await sql`select from pools where name = 'short'`.execute(db)).rows).toEqual([]);
});
