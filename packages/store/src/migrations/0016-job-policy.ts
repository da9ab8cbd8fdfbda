import { type Kysely, sql } from "kysely";

/**
 * What pools say about how their jobs run, why an agent cannot do as its pool asks, and where the farm's own servers are:
 * what jobs are kept from.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // null: as by default
  `alter table pools add column job_settings jsonb`,
  `alter table agents add column unfit_reason text`,
  `alter table controllers add column addresses text[] not null default '{}'`,
];
