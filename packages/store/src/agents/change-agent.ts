import { AGENT_TRANSITIONS, type AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { fromStates, toState } from "../state-guard.ts";

/** The session's connection is gone: the agent is suspect at once, unless it is connected again already. */
export async function suspectAgent(
  db: Database,
  options: { readonly agentId: AgentId; readonly sessionNo: number; readonly reason: string },
): Promise<boolean> {
  const { rows } = await sql`
    with changed as (
      update agents set state = ${toState(AGENT_TRANSITIONS.suspect)}, suspect_at = clock_timestamp(), session_controller = null
      where id = ${options.agentId} and session_no = ${options.sessionNo} and state in (${fromStates(AGENT_TRANSITIONS.suspect)})
      returning id
    )
    insert into events (kind, agent_id, data)
    select 'agent_suspect', id, jsonb_build_object('reason', ${options.reason}::text) from changed returning id`.execute(
    db,
  );
  return rows.length === 1;
}

/**
 * The agent of this session said goodbye: one that holds no attempt is lost at once, with no time of suspicion on its
 * row, which tells an orderly end from any other. False when it still holds something, or has another session.
 */
export async function leaveAgent(
  db: Database,
  options: { readonly agentId: AgentId; readonly sessionNo: number },
): Promise<boolean> {
  const { rows } = await sql`
    with changed as (
      update agents a set state = ${toState(AGENT_TRANSITIONS.leave)}, suspect_at = null, lost_at = clock_timestamp(),
        session_controller = null
      where a.id = ${options.agentId} and a.session_no = ${options.sessionNo} and a.state in (${fromStates(AGENT_TRANSITIONS.leave)})
        and not exists (select from attempts t where t.agent_id = a.id and t.state in ('offered', 'running'))
      returning a.id
    )
    insert into events (kind, agent_id, data) select 'agent_lost', id, '{"reason": "stopped"}' from changed returning id`.execute(
    db,
  );
  return rows.length === 1;
}

/** The agent let an offer run out: it is offered nothing more before its next heartbeat, so that others get a turn. */
export async function suspectDeafAgent(tx: Tx, agentId: AgentId): Promise<void> {
  await sql`
    with changed as (
      update agents set state = ${toState(AGENT_TRANSITIONS.suspect)}, suspect_at = clock_timestamp()
      where id = ${agentId} and state in (${fromStates(AGENT_TRANSITIONS.suspect)})
      returning id
    )
    insert into events (kind, agent_id, data) select 'agent_suspect', id, '{"reason": "offer_expired"}' from changed`.execute(
    tx,
  );
}

/** A heartbeat of the present session of a suspect agent: it is back. */
export async function reviveAgents(db: Database, agentIds: readonly AgentId[]): Promise<void> {
  await sql`
    with changed as (
      update agents set suspect_at = null, state = case when drain_requested
        then ${toState(AGENT_TRANSITIONS.reviveDraining)} else ${toState(AGENT_TRANSITIONS.revive)} end
      where id = any (${agentIds}::uuid[]) and state in (${fromStates(AGENT_TRANSITIONS.revive)}) and session_controller is not null
      returning id, state
    )
    insert into events (kind, agent_id, data)
    select 'agent_' || state, id, '{"reason": "heartbeat"}' from changed`.execute(db);
}

/** Marks agents suspect that were silent for too long; their ids. */
export async function suspectSilentAgents(db: Database): Promise<AgentId[]> {
  const { rows } = await sql<{ agent_id: AgentId }>`
    with changed as (
      update agents a set state = ${toState(AGENT_TRANSITIONS.suspect)}, suspect_at = clock_timestamp()
      from pools p
      where p.name = a.pool and a.state in (${fromStates(AGENT_TRANSITIONS.suspect)})
        and a.last_seen_at < clock_timestamp() - p.suspect_after_ms * interval '1 ms'
      returning a.id
    )
    insert into events (kind, agent_id, data)
    select 'agent_suspect', id, '{"reason": "silent"}' from changed returning agent_id`.execute(db);
  return rows.map((row) => row.agent_id);
}

/** Marks suspect agents lost that stayed away, except in pools that are held; their ids. */
export async function loseSilentAgents(db: Database, heldPools: readonly string[]): Promise<AgentId[]> {
  const { rows } = await sql<{ agent_id: AgentId }>`
    with changed as (
      update agents a set state = ${toState(AGENT_TRANSITIONS.lose)}, lost_at = clock_timestamp(), session_controller = null
      from pools p
      where p.name = a.pool and a.state in (${fromStates(AGENT_TRANSITIONS.lose)})
        and a.last_seen_at < clock_timestamp() - p.lost_after_ms * interval '1 ms'
        and not (a.pool = any (${heldPools}::text[]))
      returning a.id
    )
    insert into events (kind, agent_id, data)
    select 'agent_lost', id, '{"reason": "silent"}' from changed returning agent_id`.execute(db);
  return rows.map((row) => row.agent_id);
}

/** Asks an agent to take nothing new, or to take work again. The answer says whether anything changed. */
export async function drainAgent(
  db: Database | Tx,
  options: { readonly agentId: AgentId; readonly draining: boolean; readonly reason: string },
): Promise<boolean> {
  const { agentId, draining, reason } = options;
  const change = draining ? AGENT_TRANSITIONS.drain : AGENT_TRANSITIONS.resume;
  const { rows } = await sql`
    with changed as (
      update agents set drain_requested = ${draining}, drain_reason = ${draining ? reason : null},
        state = case when state in (${fromStates(change)}) then ${toState(change)} else state end
      where id = ${agentId} and state <> 'removed' and drain_requested <> ${draining}
      returning id
    )
    insert into events (kind, agent_id, data)
    select ${draining ? "agent_draining" : "agent_resumed"}, id, jsonb_build_object('reason', ${reason}::text) from changed
    returning id`.execute(db);
  return rows.length === 1;
}

/** Takes an agent off the farm for good: its certificate is worth nothing from now on. Its open attempts are lost next. */
export async function removeAgent(
  db: Database | Tx,
  options: { readonly agentId: AgentId; readonly reason: string },
): Promise<boolean> {
  const { rows } = await sql`
    with changed as (
      update agents set state = ${toState(AGENT_TRANSITIONS.remove)}, removed_at = clock_timestamp(), session_controller = null
      where id = ${options.agentId} and state in (${fromStates(AGENT_TRANSITIONS.remove)})
      returning id
    )
    insert into events (kind, agent_id, data)
    select 'agent_removed', id, jsonb_build_object('reason', ${options.reason}::text) from changed returning id`.execute(
    db,
  );
  return rows.length === 1;
}
