import { type AgentId, MACHINE_TRANSITIONS } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { fromStates, toState } from "../state-guard.ts";

/**
 * The agent of a machine has joined, in the transaction that added its row: the machine is `ready` and the agent knows
 * whose it is. Undefined when the machine waits for none (it is to go, is gone, or has its agent): the join is to be refused.
 */
export async function machineJoined(
  tx: Tx,
  options: { readonly machineId: string; readonly agentId: AgentId },
): Promise<{ readonly isEphemeral: boolean } | undefined> {
  const { machineId, agentId } = options;
  const { rows } = await sql<{ isEphemeral: boolean }>`
    with joined as (
      update machines set state = ${toState(MACHINE_TRANSITIONS.join)}, agent_id = ${agentId}, joined_at = clock_timestamp(),
        created_at = coalesce(created_at, clock_timestamp()), error = null, try_count = 0, not_before = null
      where id = ${machineId} and state in (${fromStates(MACHINE_TRANSITIONS.join)}) and agent_id is null
      returning id, name, pool, is_ephemeral
    ),
    known as (
      update agents a set machine_id = j.id, is_ephemeral = j.is_ephemeral from joined j where a.id = ${agentId} returning a.id
    ),
    told as (
      insert into events (kind, agent_id, data)
      select 'machine_ready', ${agentId}, jsonb_build_object('machine', name, 'pool', pool, 'reason', 'joined') from joined
    )
    select j.is_ephemeral as "isEphemeral" from joined j, known`.execute(tx);
  return rows[0];
}
