import { startTestPostgres } from "@windrow/embedded/testing";
import { type Database, migrate, openDatabase } from "../src/index.ts";

/** The address of a fresh, empty database on a real Postgres. */
export async function createEmptyDatabase(): Promise<string> {
  const postgres = await startTestPostgres();
  return (await postgres.createDatabase()).connectionString;
}

/** Opens a database as a controller does; an error of an idle connection fails the test. */
export function openTestDatabase(connectionString: string): Database {
  return openDatabase({
    connectionString,
    onError: (error) => {
      throw error;
    },
  });
}

/** A fresh database with today's schema. */
export async function createMigratedDatabase(): Promise<Database> {
  const db = openTestDatabase(await createEmptyDatabase());
  await migrate(db);
  return db;
}
