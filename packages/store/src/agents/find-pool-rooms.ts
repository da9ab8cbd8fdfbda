import type { PoolRoom } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";
import { agentRoom, isAgentAvailable, openByAgent } from "./find-free-agents.ts";

/** Pools other than this one that have free slots now, with how many of them by the labels of their agents. */
export async function findPoolRooms(db: Database, otherThan: string): Promise<PoolRoom[]> {
  const { rows } = await sql<PoolRoom>`
    with room as (
      select a.pool, a.effective_labels as labels, sum(${agentRoom} - coalesce(o.open_count, 0))::int as free
      from agents a left join ${openByAgent} o on o.agent_id = a.id
      where a.pool <> ${otherThan} and ${isAgentAvailable} and ${agentRoom} > coalesce(o.open_count, 0)
      group by a.pool, a.effective_labels
    )
    select p.name, p.priority, p.weight, p.untrusted_allowed as "untrustedAllowed",
      (p.jobs_max - (select count(*) from attempts t where t.pool = p.name and t.state in ('offered', 'running')))::int
        as "jobsLeft",
      json_agg(json_build_object('labels', r.labels, 'freeSlots', r.free) order by r.labels) as rooms
    from room r join pools p on p.name = r.pool
    where p.paused_at is null
    group by p.name order by p.name`.execute(db);
  return rows;
}
