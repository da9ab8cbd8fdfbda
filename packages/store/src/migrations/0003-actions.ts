import { type Kysely, sql } from "kysely";

/** Which commit each action of a run was resolved to: the same for all its jobs and for every rerun. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // names of repositories are compared without regard to case and shown as they were first written
  `create table run_actions (
    run_id bigint not null references runs (id),
    repository text not null,
    ref text not null,
    sha text not null check (sha ~ '^[0-9a-f]{40,64}$'),
    resolved_at timestamptz not null default now()
  )`,
  `create unique index run_actions_name on run_actions (run_id, lower(repository), ref)`,
];
