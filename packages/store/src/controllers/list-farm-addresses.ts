import { sql } from "kysely";
import type { Database } from "../database.ts";

/** Where the controllers of the last hour, and what they work with, are reached; none twice, in order. */
export async function listFarmAddresses(db: Database): Promise<string[]> {
  const { rows } = await sql<{ address: string }>`
    select distinct unnest(addresses) as address from controllers
    where last_seen_at > clock_timestamp() - interval '1 hour' order by 1 limit 1000`.execute(db);
  return rows.map((row) => row.address);
}
