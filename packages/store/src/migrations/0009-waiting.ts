import { type Kysely, sql } from "kysely";

/** What the reasons and estimates of waiting jobs look up: how long a job took lately, and what a pool's machines had. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create index jobs_durations on jobs (repository_id, key, finished_at desc)
     where state = 'finished' and started_at is not null and copied_from is null`,
  `create index machines_joined on machines (pool, joined_at desc) where agent_id is not null`,
];
