import { sql } from "kysely";
import type { Database } from "../database.ts";

/** Names of the pools that have agents that are connected. */
export async function listPopulatedPools(db: Database): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select p.name from pools p
    where exists (select from agents a where a.pool = p.name and a.state in ('ready', 'draining', 'suspect'))`.execute(
    db,
  );
  return rows.map((row) => row.name);
}
