import type { AgentState, MachineState, RepositoryId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** A machine with its agent, a machine without one yet, or an agent that joined by hand. */
export interface ScaleAgentRow {
  readonly pool: string;
  readonly name: string;
  readonly machineId: string | null;
  readonly machineState: MachineState | null;
  readonly agentState: AgentState | null;
  /** Takes nothing new because somebody said so. */
  readonly isHeld: boolean;
  readonly isEphemeral: boolean;
  /** It takes one job only, and has had it. */
  readonly hasHadJob: boolean;
  readonly slots: number;
  /** What its provider said last, while that keeps it from being there. */
  readonly error: string | null;
  /** Since it was asked for. */
  readonly ageMs: number;
  /** Since it was decided that it goes; null before. */
  readonly endingMs: number | null;
  /** Since it joined, or since its last job ended. */
  readonly idleMs: number;
  readonly jobs: readonly { readonly repositoryId: RepositoryId; readonly key: string; readonly forMs: number }[];
}

/** What is there, comes or goes in these pools. Agents that joined by hand count while they are connected. */
export async function readScaleAgents(db: Database, pools: readonly string[]): Promise<ScaleAgentRow[]> {
  const { rows } = await sql<ScaleAgentRow>`
    with unit as (
      select m.pool, m.name, m.id as machine_id, m.state as machine_state, m.error, m.is_ephemeral, m.agent_id, m.requested_at as since,
        m.ending_at
      from machines m where m.pool = any (${pools}::text[]) and m.state not in ('ended', 'failed')
      union all
      select a.pool, a.name, null, null, null, a.is_ephemeral, a.id, a.created_at, null
      from agents a where a.pool = any (${pools}::text[]) and a.state in ('ready', 'draining', 'suspect')
        and not exists (select from machines m where m.id = a.machine_id and m.state not in ('ended', 'failed'))
    )
    select u.pool, u.name, u.machine_id as "machineId", u.machine_state as "machineState", a.state as "agentState",
      coalesce(a.drain_requested or a.disabled_at is not null, false) as "isHeld", u.is_ephemeral as "isEphemeral",
      u.is_ephemeral and exists (
        select from agent_repositories h join attempts t on t.id = h.attempt_id
        where h.agent_id = u.agent_id and t.started_at is not null) as "hasHadJob",
      u.error, coalesce(a.slots, p.slots, 1) as slots,
      (extract(epoch from clock_timestamp() - u.since) * 1000)::float8 as "ageMs",
      (extract(epoch from clock_timestamp() - u.ending_at) * 1000)::float8 as "endingMs",
      (extract(epoch from clock_timestamp() - greatest(a.created_at, (
        select max(t.finished_at) from (
          select finished_at from attempts t where t.agent_id = u.agent_id
          -- the last to end is among the last that were given to its slots
          order by t.offered_at desc limit least(a.slots, 32)) t
        -- nobody asks how long an agent that joined by hand was idle
        where u.machine_id is not null), u.since)) * 1000)::float8 as "idleMs",
      coalesce((
        select json_agg(json_build_object('repositoryId', j.repository_id, 'key', j.key,
          'forMs', (extract(epoch from clock_timestamp() - t.offered_at) * 1000)::float8))
        from attempts t join jobs j on j.id = t.job_id
        where t.agent_id = u.agent_id and t.state in ('offered', 'running')), '[]') as jobs
    from unit u join pools p on p.name = u.pool left join agents a on a.id = u.agent_id
    order by u.since, u.name`.execute(db);
  return rows;
}
