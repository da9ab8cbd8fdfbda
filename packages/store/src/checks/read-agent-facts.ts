import type { AgentState } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** What can be seen of an agent from here. */
export interface AgentFacts {
  readonly name: string;
  readonly state: AgentState;
  readonly certificateExpiresAt: Date | null;
  /**
   * How far its clock is ahead of the database's at least (behind: below 0), in ms: what its last finished attempt says of
   * its steps must lie within the attempt as the database saw it. 0 when nothing contradicts, null when it has run nothing.
   */
  readonly clockAheadMs: number | null;
}

/** Agents that are not removed, by name; at most `agentsMax`. */
export async function readAgentFacts(db: Database, agentsMax: number): Promise<AgentFacts[]> {
  const { rows } = await sql<AgentFacts>`
    select g.name, g.state, g.certificate_expires_at as "certificateExpiresAt", clock.ahead_ms as "clockAheadMs"
    from (select * from agents where state <> 'removed' order by name limit ${agentsMax}) g
    left join lateral (
      select case
        when s.last > a.finished_at then (extract(epoch from s.last - a.finished_at) * 1000)::float8
        when s.first < a.started_at then (extract(epoch from s.first - a.started_at) * 1000)::float8
        else 0 end as ahead_ms
      from (
        select id, started_at, finished_at from attempts
        where agent_id = g.id and state = 'finished' and started_at is not null order by offered_at desc limit 1
      ) a
      join lateral (
        select min(started_at) as first, max(finished_at) as last from steps where attempt_id = a.id
      ) s on s.first is not null
    ) clock on true
    order by g.name`.execute(db);
  return rows;
}
