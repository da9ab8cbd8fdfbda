import { type Kysely, sql } from "kysely";

/**
 * Machines keep the settings that they were asked for with: a pool whose provider is changed, or taken away, still ends
 * the machines that the provider before made.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table machines add column settings jsonb`,
  `create index machines_agent on machines (agent_id) where agent_id is not null`,
];
