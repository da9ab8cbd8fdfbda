import { AGENT_TRANSITIONS, MACHINE_TRANSITIONS } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { fromStates, toState } from "../state-guard.ts";

/**
 * Decides that a machine is to go: it is `ending` and its agent draining in one statement, and only if the agent holds no
 * attempt and has connected. False when it may not go now: it is busy, its agent is just coming, it is going already, or
 * there is no such machine. Who grants a job to that agent at the same time either comes first, and then this changes
 * nothing, or finds it draining.
 */
export async function endMachine(
  tx: Tx,
  options: { readonly machineId: string; readonly reason: string },
): Promise<boolean> {
  const { machineId, reason } = options;
  // the agent's lock in a statement of its own: the next one sees every grant that was made before it was had
  const { rows: locked } = await sql<{ id: string }>`
    select a.id from agents a join machines m on m.agent_id = a.id where m.id = ${machineId} for update of a`.execute(
    tx,
  );
  const agentId = locked[0]?.id ?? null;
  const { rows } = await sql`
    with ending as (
      update machines m set state = ${toState(MACHINE_TRANSITIONS.end)}, ending_at = clock_timestamp(), reason = ${reason},
        error = null, try_count = 0, not_before = null
      where m.id = ${machineId} and m.state in (${fromStates(MACHINE_TRANSITIONS.end)})
        and m.agent_id is not distinct from ${agentId}::uuid
        and not exists (select from attempts t where t.agent_id = m.agent_id and t.state in ('offered', 'running'))
        and not exists (select from agents a where a.id = m.agent_id and a.state = 'joining')
      returning m.id, m.name, m.pool, m.agent_id
    ),
    drained as (
      update agents a set drain_requested = true, drain_reason = ${reason},
        state = case when state in (${fromStates(AGENT_TRANSITIONS.drain)}) then ${toState(AGENT_TRANSITIONS.drain)} else state end
      from ending e where a.id = e.agent_id and a.state <> 'removed'
      returning a.id
    ),
    told as (
      insert into events (kind, agent_id, data)
      select 'machine_ending', agent_id, jsonb_build_object('machine', name, 'pool', pool, 'reason', ${reason}::text) from ending
      union all
      select 'agent_draining', id, jsonb_build_object('reason', ${reason}::text) from drained
    )
    select id from ending`.execute(tx);
  return rows.length === 1;
}
