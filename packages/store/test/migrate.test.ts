import { sql } from "kysely";
import { expect, test } from "vitest";
import { migrate } from "../src/index.ts";
import { createEmptyDatabase, openTestDatabase } from "./database-kit.ts";

test("controllers that start together bring an empty database up to date once, and none of them fails", async () => {
  const connectionString = await createEmptyDatabase();
  const controllers = Array.from({ length: 4 }, () => openTestDatabase(connectionString));
  try {
    await Promise.all(controllers.map((db) => migrate(db)));
    const [first] = controllers;
    if (first === undefined) throw new Error("no database was opened");
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(first);
    expect(rows.map((row) => row.name)).toEqual([
      "0001-farm",
      "0002-language",
      "0003-actions",
      "0004-matrix-order",
      "0005-definition-order",
    ]);
    // what the migration inserts stands there once
    expect(await first.selectFrom("pools").select("name").execute()).toEqual([{ name: "default" }]);
    await migrate(first);
  } finally {
    await Promise.all(controllers.map((db) => db.destroy()));
  }
});
