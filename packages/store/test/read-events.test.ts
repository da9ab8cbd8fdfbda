import { type Kysely, sql, type Transaction } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { appendEvents, type Database, readEvents, readEventsEnd, type StoredEvent } from "../src/index.ts";
import type { Schema } from "../src/schema.ts";
import { createMigratedDatabase } from "./database-kit.ts";

const POLL_MS = 20;
const WITHIN_MS = 10_000;

let db: Database;
beforeAll(async () => {
  db = await createMigratedDatabase();
});
afterAll(() => db?.destroy());

test("two transactions that commit in reverse order: a reader skips nothing, doubles nothing, and reads both in order", async () => {
  const reader = createReader(await readEventsEnd(db));
  const early = await begin(db);
  await append(early, "early");
  const late = await begin(db);
  await append(late, "late");

  await late.commit();
  // the later one is committed, but an earlier one is still to come: passing it now would lose the other
  expect(await reader.read()).toEqual([]);
  await early.commit();
  expect(await reader.readUntil(2)).toEqual(["early", "late"]);
  expect(await reader.read()).toEqual([]);
});

test("ids in the other order than the transactions' ids lose nothing either", async () => {
  const reader = createReader(await readEventsEnd(db));
  const first = await begin(db);
  // takes its transaction id now, its event's id after the other
  await sql`select pg_current_xact_id()`.execute(first.tx);
  const second = await begin(db);
  await append(second, "second");
  await append(first, "first");

  await second.commit();
  expect(await reader.read()).toEqual([]);
  await first.commit();
  expect(await reader.readUntil(2)).toEqual(["first", "second"]);
});

test("an event of a transaction that is rolled back holds up no reader and is never read", async () => {
  const reader = createReader(await readEventsEnd(db));
  const given = await begin(db);
  await append(given, "given up");
  const kept = await begin(db);
  await append(kept, "kept");
  await kept.commit();
  expect(await reader.read()).toEqual([]);
  await given.rollback();
  expect(await reader.readUntil(1)).toEqual(["kept"]);
});

interface OpenTransaction {
  readonly tx: Transaction<Schema>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

async function begin(database: Kysely<Schema>): Promise<OpenTransaction> {
  const tx = await database.startTransaction().execute();
  return { tx, commit: () => tx.commit().execute(), rollback: () => tx.rollback().execute() };
}

const append = (transaction: OpenTransaction, kind: string) => appendEvents(transaction.tx, [{ kind }]);

/** Reads as every reader does: what follows its cursor, one event at a time to meet every border between two. */
function createReader(start: string) {
  let cursor = start;
  const read = async (): Promise<string[]> => {
    const kinds: string[] = [];
    for (;;) {
      const [event]: StoredEvent[] = await readEvents(db, { after: cursor, limit: 1 });
      if (event === undefined) return kinds;
      kinds.push(event.kind);
      cursor = event.cursor;
    }
  };
  return {
    read,
    /** Transactions of other tests on the same server may hold events back for a moment. */
    async readUntil(count: number): Promise<string[]> {
      const kinds: string[] = [];
      const until = performance.now() + WITHIN_MS;
      while (kinds.length < count) {
        if (performance.now() > until) throw new Error(`only ${kinds.join(", ")} were read`);
        kinds.push(...(await read()));
        if (kinds.length < count) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      return kinds;
    },
  };
}
