import { sql } from "kysely";
import type { Database } from "../database.ts";

/** Jobs that wait for an agent, and jobs that an agent has. */
export async function countOpenJobs(
  db: Database,
): Promise<{ readonly queued: number; readonly leased: number; readonly running: number }> {
  const { rows } = await sql<{ queued: number; leased: number; running: number }>`
    select (select count(*) from jobs where state = 'queued') as queued,
      count(*) filter (where state = 'leased') as leased, count(*) filter (where state = 'running') as running
    from jobs where state in ('leased', 'running') and kind = 'ordinary'`.execute(db);
  return rows[0] ?? { queued: 0, leased: 0, running: 0 };
}
