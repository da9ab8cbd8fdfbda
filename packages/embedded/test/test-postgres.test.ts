import pg from "pg";
import { describe, expect, it } from "vitest";
import { startTestPostgres } from "../src/testing.ts";

async function query(connectionString: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("the throw-away Postgres for tests", () => {
  it("gives every caller a database of its own on one server", async () => {
    const postgres = await startTestPostgres();
    const [one, other] = await Promise.all([postgres.createDatabase(), postgres.createDatabase()]);
    await query(one.connectionString, "CREATE TABLE seen (id int)");
    const tables = "SELECT count(*)::int AS count FROM pg_tables WHERE tablename = 'seen'";
    expect(await query(one.connectionString, tables)).toEqual([{ count: 1 }]);
    expect(await query(other.connectionString, tables)).toEqual([{ count: 0 }]);
    await one.drop();
    await expect(query(one.connectionString, "SELECT 1")).rejects.toThrow(/does not exist/);
  });

  it("prepares a template once and copies it", async () => {
    const postgres = await startTestPostgres();
    let preparedCount = 0;
    const template = {
      key: "a table with one row",
      async prepare(connectionString: string) {
        preparedCount += 1;
        await query(connectionString, "CREATE TABLE word AS SELECT 'windrow' AS text");
      },
    };
    const databases = await Promise.all([1, 2, 3].map(() => postgres.createDatabase(template)));
    for (const { connectionString } of databases) {
      expect(await query(connectionString, "SELECT text FROM word")).toEqual([{ text: "windrow" }]);
    }
    expect(preparedCount).toBe(1);
  });
});
