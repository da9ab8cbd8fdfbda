import { type Kysely, sql } from "kysely";

/** Logs that went beyond what a job may store: from where on, and how much there was. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // length_bytes and sha256 are of what is stored; truncated_at is where in that the first bytes were left out
  `alter table log_streams
    add column truncated_at bigint,
    add column produced_bytes bigint,
    add check ((truncated_at is null) = (produced_bytes is null))`,
];
