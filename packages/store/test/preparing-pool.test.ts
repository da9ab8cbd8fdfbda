import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../src/index.ts";
import { createEmptyDatabase, openTestDatabase } from "./database-kit.ts";

let db: Database;
let other: Database;
beforeAll(async () => {
  const connectionString = await createEmptyDatabase();
  db = openTestDatabase(connectionString);
  other = openTestDatabase(connectionString);
  await sql`create table thing (id int)`.execute(db);
  await sql`insert into thing values (1)`.execute(db);
});
afterAll(() => Promise.all([db.destroy(), other.destroy()]));

const readAll = () => sql<object>`select * from thing where id = ${1}`.execute(db);

test("a statement that is seen again and again keeps its plan", async () => {
  for (let no = 0; no < 6; no++) await readAll();
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from pg_prepared_statements where statement like 'select * from thing%'`.execute(db);
  expect(rows[0]?.count).toBe(1);
});

test("a column that somebody adds meanwhile does not make the kept plan fail", async () => {
  for (let no = 0; no < 6; no++) await readAll();
  await sql`alter table thing add column name text default 'new'`.execute(other);
  expect((await readAll()).rows).toEqual([{ id: 1, name: "new" }]);
});
