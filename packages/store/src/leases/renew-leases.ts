import { type AgentId, ATTEMPT_TRANSITIONS, type AttemptId, type LeaseId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface HeldLease {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly agentId: AgentId;
  readonly sessionNo: number;
}

export interface RenewedLease {
  readonly attemptId: AttemptId;
  readonly agentId: AgentId;
  /** `offered`: the agent's, but not started yet, so there is nothing to renew. */
  readonly kind: "renewed" | "offered" | "revoked";
  readonly cancelRequested: boolean;
  readonly cancelReason: string | null;
}

/** One heartbeat of a session: the agent is alive, whether it holds leases or not. */
export interface SessionBeat {
  readonly agentId: AgentId;
  readonly sessionNo: number;
}

export interface RenewResult {
  readonly leases: RenewedLease[];
  /** Agents whose session is still the current one. */
  readonly currentAgentIds: AgentId[];
  /** Of those: agents that were thought silent. */
  readonly suspectAgentIds: AgentId[];
}

/** Extends every lease that is still its agent's, in one statement for many heartbeats; the rest is answered `revoked`. */
export async function renewLeases(
  db: Database,
  beats: readonly SessionBeat[],
  held: readonly HeldLease[],
): Promise<RenewResult> {
  const { rows } = await sql<RenewResult>`
    with held as (
      select * from unnest(${held.map((lease) => lease.attemptId)}::uuid[], ${held.map((lease) => lease.leaseId)}::uuid[],
        ${held.map((lease) => lease.agentId)}::uuid[], ${held.map((lease) => lease.sessionNo)}::bigint[])
        as h (attempt_id, lease_id, agent_id, session_no)
    ),
    -- everybody locks attempts before agents, and each in the order of their ids: two statements cannot wait for each other
    attempt as (
      select a.id from attempts a join held h on a.id = h.attempt_id
      where a.lease_id = h.lease_id and a.agent_id = h.agent_id and a.session_no <= h.session_no
        and a.state = ${sql.lit(ATTEMPT_TRANSITIONS.start.to)}
      order by a.id for update of a
    ),
    agent as (
      select g.id from agents g
      join unnest(${beats.map((beat) => beat.agentId)}::uuid[], ${beats.map((beat) => beat.sessionNo)}::bigint[])
        as b (agent_id, session_no) on g.id = b.agent_id and g.session_no = b.session_no
      where g.state in ('ready', 'draining', 'suspect') and (select count(*) from attempt) >= 0
      order by g.id for update of g
    ),
    renewed as (
      update attempts a set lease_until = clock_timestamp() + p.lost_after_ms * interval '1 ms'
      from attempt l, pools p where a.id = l.id and p.name = a.pool
      returning a.id, a.job_id
    ),
    seen as (
      update agents g set last_seen_at = clock_timestamp() from agent l where g.id = l.id
      returning g.id, g.state
    )
    select coalesce((select jsonb_agg(jsonb_build_object(
        'attemptId', h.attempt_id, 'agentId', h.agent_id,
        'kind', case when n.id is not null then 'renewed' when o.id is not null then 'offered' else 'revoked' end,
        'cancelRequested', j.cancel_requested_at is not null, 'cancelReason', j.cancel_reason))
      from held h
      left join renewed n on n.id = h.attempt_id
      left join attempts o on o.id = h.attempt_id and o.lease_id = h.lease_id and o.agent_id = h.agent_id and o.state = 'offered'
      left join jobs j on j.id = n.job_id), '[]') as leases,
      coalesce((select jsonb_agg(id) from seen), '[]') as "currentAgentIds",
      coalesce((select jsonb_agg(id) from seen where state = 'suspect'), '[]') as "suspectAgentIds"`.execute(db);
  return rows[0] ?? { leases: [], currentAgentIds: [], suspectAgentIds: [] };
}
