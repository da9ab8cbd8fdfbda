import { type Kysely, sql } from "kysely";

/**
 * What the fair queue needs beside the fleet's tables: how often an agent was granted a repository, its last attempt
 * there (an agent that takes one job only is known by it to have had it), and the way from a repository to its agents.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table agent_repositories
    add column grants_count integer not null default 1,
    add column attempt_id uuid`,
  // updated at every grant, and no index changes with it
  `alter table agent_repositories set (fillfactor = 70)`,
  `create index agent_repositories_repository on agent_repositories (repository_id, agent_id)`,
];
