import { readdirSync } from "node:fs";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { migrate } from "../src/index.ts";
import { createEmptyDatabase, openTestDatabase } from "./database-kit.ts";

test("controllers that start together bring an empty database up to date once, and none of them fails", async () => {
  const connectionString = await createEmptyDatabase();
  const controllers = Array.from({ length: 4 }, () => openTestDatabase(connectionString));
  try {
    await Promise.all(controllers.map((db) => migrate(db)));
    const files = readdirSync(new URL("../src/migrations", import.meta.url)).map((file) => file.replace(/\.ts$/, ""));
    const [first] = controllers;
    if (first === undefined) throw new Error("no database was opened");
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(first);
    expect(rows.map((row) => row.name)).toEqual(files.sort());
    // what the migration inserts stands there once
    const pools = await first.selectFrom("pools").select("name").orderBy("name").execute();
    expect(pools.map((pool) => pool.name)).toEqual(["default", "go", "java", "node", "python", "rust"]);
    await migrate(first);
  } finally {
    await Promise.all(controllers.map((db) => db.destroy()));
  }
});
