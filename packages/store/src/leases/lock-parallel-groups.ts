import { sql } from "kysely";
import type { Tx } from "../database.ts";

/**
 * Keeps the dispatchers of two pools from filling the same matrix's `max-parallel` at once: whoever grants such jobs
 * holds their key until it commits. Taken in order, before the rows are read.
 */
export async function lockParallelGroups(tx: Tx, siblingKeys: readonly string[]): Promise<void> {
  for (const key of [...new Set(siblingKeys)].sort())
    await sql`select pg_advisory_xact_lock(7010101, hashtext(${key}))`.execute(tx);
}
