import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** The agent may do nothing until somebody enables it again; its open attempts are lost next. False when it is so already. */
export async function disableAgent(
  db: Database | Tx,
  options: { readonly agentId: AgentId; readonly reason: string },
): Promise<boolean> {
  const { rows } = await sql`
    with changed as (
      update agents set disabled_at = clock_timestamp(), disabled_reason = ${options.reason}
      where id = ${options.agentId} and state <> 'removed' and disabled_at is null
      returning id
    )
    insert into events (kind, agent_id, data)
    select 'agent_disabled', id, jsonb_build_object('reason', ${options.reason}::text) from changed returning id`.execute(
    db,
  );
  return rows.length === 1;
}

/** Lets a disabled agent connect again. False when it was not disabled. */
export async function enableAgent(
  db: Database | Tx,
  options: { readonly agentId: AgentId; readonly reason: string },
): Promise<boolean> {
  const { rows } = await sql`
    with changed as (
      update agents set disabled_at = null, disabled_reason = null
      where id = ${options.agentId} and state <> 'removed' and disabled_at is not null
      returning id
    ), forgotten as (
      delete from agent_clashes where agent_id in (select id from changed)
    )
    insert into events (kind, agent_id, data)
    select 'agent_enabled', id, jsonb_build_object('reason', ${options.reason}::text) from changed returning id`.execute(
    db,
  );
  return rows.length === 1;
}
