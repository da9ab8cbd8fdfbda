import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";

/**
 * Somebody wants an agent drained that an upgrade drains for its own part: it stays so when the upgrade is done with it.
 * False when no upgrade has to do with it. To be called before `drainAgent`: it waits for an upgrade that is just ending its part.
 */
export async function keepDrained(
  tx: Tx,
  options: { readonly agentId: AgentId; readonly reason: string },
): Promise<boolean> {
  const { rows } = await sql`
    with kept as (
      update agent_upgrades set was_drained = true
      where agent_id = ${options.agentId} and ended_at is null and not was_drained
      returning agent_id
    )
    update agents set drain_reason = ${options.reason}
    where id in (select agent_id from kept) and drain_requested
    returning id`.execute(tx);
  return rows.length === 1;
}
