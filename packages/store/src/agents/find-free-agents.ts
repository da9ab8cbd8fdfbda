import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface FreeAgentRow {
  readonly agentId: AgentId;
  /** The agent's own, its pool's, the aliases they cover, and `pool:` with its pool's name, in lower case. */
  readonly labels: readonly string[];
  readonly freeSlots: number;
}

/**
 * An agent that may be offered something: connected, not told to leave, and not one that takes a single job and had it.
 * `a` is the row of agents; `agentRoom` says how many jobs it may have at once.
 */
export const isAgentAvailable = sql`a.state = 'ready' and not a.drain_requested and a.disabled_at is null and a.unfit_reason is null
  and not (a.is_ephemeral and coalesce((
    select bool_or(t.started_at is not null) from agent_repositories had join attempts t on t.id = had.attempt_id
    where had.agent_id = a.id), false))`;
export const agentRoom = sql`case when a.is_ephemeral then 1 else a.slots end`;
/** Open attempts by agent; joined as `o`. */
export const openByAgent = sql`(select t.agent_id, count(*)::int as open_count from attempts t
  where t.state in ('offered', 'running') group by t.agent_id)`;

export interface FindFreeAgentsOptions {
  /** Only those with the labels of a queued job: where nothing is queued for them, they cost nothing. */
  readonly isWanted?: boolean;
}

/** Agents of a pool that may be offered something now. Agents with the same labels share one list of them. */
export async function findFreeAgents(
  db: Database,
  pool: string,
  { isWanted = false }: FindFreeAgentsOptions = {},
): Promise<FreeAgentRow[]> {
  // an empty queue is known from its index alone, before a single agent is read
  const { rows } = await sql<{ labels: string[]; ids: AgentId[]; free: number[] }>`
    with recursive wanted (label_set_id) as (
      (select j.label_set_id from jobs j where j.state = 'queued' order by j.label_set_id limit 1)
      union all
      select (select j.label_set_id from jobs j where j.state = 'queued' and j.label_set_id > w.label_set_id
        order by j.label_set_id limit 1)
      from wanted w where w.label_set_id is not null
    )
    select a.effective_labels as labels, array_agg(a.id::text order by a.id) as ids,
      array_agg(${agentRoom} - coalesce(o.open_count, 0) order by a.id) as free
    from agents a
    join pools p on p.name = a.pool
    left join ${openByAgent} o on o.agent_id = a.id
    where a.pool = ${pool} and p.paused_at is null and ${isAgentAvailable}
      and ${agentRoom} > coalesce(o.open_count, 0)
      ${isWanted ? sql`and exists (select from wanted)` : sql``}
    group by a.effective_labels
    ${
      isWanted
        ? sql`having exists (
            select from wanted w join label_sets s on s.id = w.label_set_id where s.labels <@ a.effective_labels)`
        : sql``
    }`.execute(db);
  return rows.flatMap(({ labels, ids, free }) =>
    ids.map((agentId, index) => ({ agentId, labels, freeSlots: free[index] ?? 0 })),
  );
}
