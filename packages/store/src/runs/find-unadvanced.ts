import { sql } from "kysely";
import type { Database } from "../database.ts";

/** Runs that nobody moves on: none of their jobs is queued or with an agent, yet they are not over. */
export async function findUnadvancedRuns(db: Database, olderThanMs: number): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select r.id from runs r
    where r.state = 'running' and r.created_at < clock_timestamp() - ${olderThanMs}::float8 * interval '1 ms'
      and not exists (
        select from jobs j where j.run_id = r.id and j.run_attempt = r.attempt
          and (j.state in ('queued', 'leased') or (j.state = 'running' and j.kind = 'ordinary')
            or (j.state = 'blocked' and j.held_reason is not null)))
    order by r.id limit 100`.execute(db);
  return rows.map((row) => row.id);
}
