import { type Kysely, sql } from "kysely";

/** Which image each name was for a run: the same for all its jobs and for every rerun. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // found: name@sha256:… of a registry, or sha256:… of one agent's engine
  `create table run_images (
    run_id bigint not null references runs (id),
    image text not null,
    found text not null,
    found_at timestamptz not null default now(),
    primary key (run_id, image)
  )`,
];
