import { type Kysely, sql } from "kysely";

/**
 * Agents known by certificates: times at which one credential was shown by two processes at once, and indexes for the
 * passes, twice a second, that look which agents were removed or disabled or went to another controller.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table agent_clashes (
    agent_id uuid not null references agents (id),
    instance_id uuid not null,
    at timestamptz not null default clock_timestamp()
  )`,
  `create index agent_clashes_agent on agent_clashes (agent_id, at)`,
  `create index agents_removed on agents (removed_at) where removed_at is not null`,
  `create index agents_disabled on agents (disabled_at) where disabled_at is not null`,
  `create index agents_connected on agents (connected_at) where connected_at is not null`,
];
