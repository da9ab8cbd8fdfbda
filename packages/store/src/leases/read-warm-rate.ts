import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface WarmRate {
  readonly grantsCount: number;
  /** Of these, to an agent that had the repository's files already. */
  readonly warmCount: number;
}

/** How many grants of a pool went to an agent that had worked on the repository before; of agents that are there still. */
export async function readWarmRate(db: Database, pool: string): Promise<WarmRate> {
  const { rows } = await sql<WarmRate>`
    select coalesce(sum(r.grants_count), 0)::int as "grantsCount",
      coalesce(sum(r.grants_count) - count(*), 0)::int as "warmCount"
    from agent_repositories r join agents a on a.id = r.agent_id
    where a.pool = ${pool} and a.state <> 'removed'`.execute(db);
  return rows[0] ?? { grantsCount: 0, warmCount: 0 };
}
