import { type Kysely, sql } from "kysely";

/**
 * The variables of a matrix keep the order they were written in: `jsonb` sorts its keys, so that a job that waited was
 * started as `test (linux, 3.12)` when it had been made as `test (3.12, linux)`.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table jobs alter column matrix drop default, alter column matrix type json using matrix::json,
    alter column matrix set default '{}'`,
];
