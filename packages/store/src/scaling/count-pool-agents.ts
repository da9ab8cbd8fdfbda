import { sql } from "kysely";
import type { Database } from "../database.ts";

export const POOL_AGENT_STATES = ["starting", "idle", "busy", "draining", "suspect", "ending"] as const;
export type PoolAgentState = (typeof POOL_AGENT_STATES)[number];

export interface PoolAgentsCount {
  readonly pool: string;
  readonly counts: Readonly<Record<PoolAgentState, number>>;
}

/** How many agents of each pool do what, machines on which none has started yet among them. */
export async function countPoolAgents(db: Database): Promise<PoolAgentsCount[]> {
  const { rows } = await sql<PoolAgentsCount>`
    with agent as (
      select a.pool, case
          when a.state = 'suspect' then 'suspect'
          when a.state = 'draining' or a.drain_requested or a.disabled_at is not null then 'draining'
          when exists (select from attempts t where t.agent_id = a.id and t.state in ('offered', 'running')) then 'busy'
          else 'idle' end as state
      from agents a where a.state in ('ready', 'draining', 'suspect')
        and not exists (select from machines m where m.id = a.machine_id and m.state = 'ending')
      union all
      select m.pool, case when m.state = 'ending' then 'ending' else 'starting' end
      from machines m left join agents a on a.id = m.agent_id
      where m.state in ('creating', 'starting', 'ending') or (m.state = 'ready' and a.state = 'joining')
    ),
    counted as (
      select pool, count(*) filter (where state = 'starting')::int as starting, count(*) filter (where state = 'idle')::int as idle,
        count(*) filter (where state = 'busy')::int as busy, count(*) filter (where state = 'draining')::int as draining,
        count(*) filter (where state = 'suspect')::int as suspect, count(*) filter (where state = 'ending')::int as ending
      from agent group by pool
    )
    select p.name as pool, jsonb_build_object('starting', coalesce(c.starting, 0), 'idle', coalesce(c.idle, 0),
        'busy', coalesce(c.busy, 0), 'draining', coalesce(c.draining, 0), 'suspect', coalesce(c.suspect, 0),
        'ending', coalesce(c.ending, 0)) as counts
    from pools p left join counted c on c.pool = p.name order by p.name`.execute(db);
  return rows;
}
