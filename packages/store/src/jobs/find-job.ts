import { sql } from "kysely";
import type { Database } from "../database.ts";

/** Which run a job belongs to; undefined when there is no such job. */
export async function findRunOfJob(db: Database, jobId: number): Promise<number | undefined> {
  const { rows } = await sql<{ run_id: number }>`select run_id from jobs where id = ${jobId}`.execute(db);
  return rows[0]?.run_id;
}
