import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface FreeAgentRow {
  readonly agentId: AgentId;
  /** The agent's own and its pool's, in lower case, and `pool:` with its pool's name, which no agent can claim. */
  readonly labels: string[];
  readonly freeSlots: number;
}

/** Agents of a pool that may be offered something now. */
export async function findFreeAgents(db: Database, pool: string): Promise<FreeAgentRow[]> {
  const { rows } = await sql<FreeAgentRow>`
    select a.id as "agentId", array(select distinct lower(l) from unnest(a.labels || p.labels) l where lower(l) not like 'pool:%')
        || ('pool:' || a.pool) as labels,
      (a.slots - coalesce(o.open_count, 0))::int as "freeSlots"
    from agents a
    join pools p on p.name = a.pool
    left join lateral (
      select count(*) as open_count from attempts t where t.agent_id = a.id and t.state in ('offered', 'running')
    ) o on true
    where a.pool = ${pool} and a.state = 'ready' and not a.drain_requested and p.paused_at is null
      and a.slots > coalesce(o.open_count, 0)
    order by a.id`.execute(db);
  return rows;
}
