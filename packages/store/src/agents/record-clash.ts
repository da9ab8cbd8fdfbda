import type { AgentId, InstanceId } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** Older ones are of no interest. */
const KEPT_SECONDS = 3_600;

/**
 * Two processes showed one credential at the same time: a newer took over from one that was connected, or an older came
 * back. Answers how often that happened within the last `withinMs`, this time included.
 */
export async function recordClash(
  tx: Tx,
  clash: { readonly agentId: AgentId; readonly instanceId: InstanceId; readonly withinMs: number },
): Promise<number> {
  await sql`
    delete from agent_clashes
    where agent_id = ${clash.agentId} and at < clock_timestamp() - ${KEPT_SECONDS}::int * interval '1 s'`.execute(tx);
  await sql`insert into agent_clashes (agent_id, instance_id) values (${clash.agentId}, ${clash.instanceId})`.execute(
    tx,
  );
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from agent_clashes
    where agent_id = ${clash.agentId} and at > clock_timestamp() - ${clash.withinMs}::float8 * interval '1 ms'`.execute(
    tx,
  );
  return rows[0]?.count ?? 0;
}
