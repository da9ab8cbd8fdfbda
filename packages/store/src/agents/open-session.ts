import {
  AGENT_TRANSITIONS,
  type AgentId,
  type AgentState,
  type AttemptId,
  type InstanceId,
  type LeaseId,
  type PoolJobSettings,
  type Toolchain,
} from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { rowJson } from "../row-text.ts";
import { fromStates, toState } from "../state-guard.ts";

export interface AgentSessionFacts {
  readonly name: string;
  readonly pool: string;
  readonly state: AgentState;
  readonly instanceId: InstanceId | null;
  readonly sessionNo: number;
  readonly drainRequested: boolean;
  readonly natsPublicKey: string;
  readonly lostAfterMs: number;
  readonly suspectAfterMs: number;
  readonly leaseMarginMs: number;
  readonly orphanGraceMs: number;
  readonly jobSettings: PoolJobSettings | null;
  readonly untrustedAllowed: boolean;
  /** What the instance in question is to this agent: never seen, the present process, or one that was superseded. */
  readonly instance: "new" | "current" | "superseded";
  /** The controller that says it holds a session of this agent and that is alive itself; null when none does. */
  readonly heldBy: string | null;
  readonly isDisabled: boolean;
  readonly disabledReason: string | null;
}

/** Locks the agent's open attempts, then the agent, and reads what a Hello is judged by; undefined when unknown. */
export async function lockAgentForSession(
  tx: Tx,
  agentId: AgentId,
  instanceId: InstanceId,
): Promise<AgentSessionFacts | undefined> {
  const { rows } = await sql<AgentSessionFacts>`
    with attempt as (
      select t.id from attempts t where t.agent_id = ${agentId} and t.state in ('offered', 'running')
      order by t.id for update
    )
    select a.name, a.pool, a.state, a.instance_id as "instanceId", a.session_no as "sessionNo",
      a.drain_requested as "drainRequested", a.nats_public_key as "natsPublicKey", p.lost_after_ms as "lostAfterMs",
      p.suspect_after_ms as "suspectAfterMs", p.lease_margin_ms as "leaseMarginMs", p.orphan_grace_ms as "orphanGraceMs",
      p.job_settings as "jobSettings", p.untrusted_allowed as "untrustedAllowed",
      case when a.instance_id = ${instanceId} then 'current'
        when exists (select from agent_instances i where i.agent_id = a.id and i.instance_id = ${instanceId}) then 'superseded'
        else 'new' end as instance,
      (select c.id from controllers c where c.id = a.session_controller and a.state in ('ready', 'draining')
        and c.stopped_at is null and c.last_seen_at > clock_timestamp() - interval '3 s') as "heldBy",
      a.disabled_at is not null as "isDisabled", a.disabled_reason as "disabledReason"
    from agents a join pools p on p.name = a.pool
    where a.id = ${agentId} and (select count(*) from attempt) >= 0 for update of a`.execute(tx);
  return rows[0];
}

export interface NewSession {
  readonly agentId: AgentId;
  readonly instanceId: InstanceId;
  readonly isNewInstance: boolean;
  readonly sessionNo: number;
  readonly controllerId: string;
  readonly drainRequested: boolean;
  readonly slots: number;
  readonly labels: readonly string[];
  readonly version: string;
  readonly protocolVersion: number;
  readonly hostname: string;
  /** Tools of languages that run there. */
  readonly toolchains?: readonly Toolchain[];
  readonly isUpgradable?: boolean;
  /** Why it is given no job until it says otherwise. */
  readonly unfitReason?: string;
  readonly held: readonly { readonly attemptId: AttemptId; readonly leaseId: LeaseId }[];
}

export interface OpenedSession {
  /** Of the attempts the agent says it holds: those that are still its own, running or offered. */
  readonly ownAttemptIds: AttemptId[];
  /** Running attempts that a new process of the agent does not hold any more: lost with the process before it. */
  readonly forgottenAttemptIds: AttemptId[];
}

/**
 * Makes this the agent's session: the agent is connected, its attempts belong to this process (writes of an earlier
 * one are refused from now on) and their leases are renewed. Follows lockAgentForSession in the same transaction.
 */
export async function openSession(tx: Tx, session: NewSession): Promise<OpenedSession> {
  const connect = session.drainRequested ? AGENT_TRANSITIONS.connectDraining : AGENT_TRANSITIONS.connect;
  const { rows } = await sql<{ id: AttemptId; isHeld: boolean; state: "offered" | "running" }>`
    with before as (select id, state from agents where id = ${session.agentId}),
    connected as (
      update agents set state = ${toState(connect)}, instance_id = ${session.instanceId}, session_no = ${session.sessionNo},
        session_controller = ${session.controllerId}, slots = ${session.slots}, labels = ${session.labels}::text[],
        version = ${session.version}, protocol_version = ${session.protocolVersion}, hostname = ${session.hostname},
        toolchains = ${rowJson(session.toolchains ?? [])}::jsonb,
        is_upgradable = ${session.isUpgradable ?? false}, unfit_reason = ${session.unfitReason ?? null},
        connected_at = clock_timestamp(), last_seen_at = clock_timestamp(), suspect_at = null, lost_at = null
      where id = ${session.agentId} and state in (${fromStates(connect)})
      returning id
    ),
    told as (
      insert into events (kind, agent_id, data)
      select ${`agent_${connect.to}`}, id, jsonb_build_object('reason', 'connected', 'session_no', ${session.sessionNo}::bigint)
      from connected join before using (id) where before.state <> ${toState(connect)}
    ),
    superseded as (
      update agent_instances set superseded_at = clock_timestamp()
      where ${session.isNewInstance} and agent_id = ${session.agentId} and superseded_at is null
    ),
    noted as (
      insert into agent_instances (agent_id, instance_id, first_session_no)
      select ${session.agentId}::uuid, ${session.instanceId}::uuid, ${session.sessionNo}::bigint where ${session.isNewInstance}
    ),
    held as (
      select * from unnest(${session.held.map((lease) => lease.attemptId)}::uuid[],
        ${session.held.map((lease) => lease.leaseId)}::uuid[]) as h (attempt_id, lease_id)
    )
    update attempts a set
      session_no = case when ${session.isNewInstance} then ${session.sessionNo}::bigint else a.session_no end,
      lease_until = case when a.state = 'running' and h.attempt_id is not null
        then clock_timestamp() + p.lost_after_ms * interval '1 ms' else a.lease_until end
    from attempts b
    join pools p on p.name = b.pool
    left join held h on h.attempt_id = b.id and h.lease_id = b.lease_id
    where a.id = b.id and a.agent_id = ${session.agentId} and a.state in ('offered', 'running')
    returning a.id, h.attempt_id is not null as "isHeld", a.state`.execute(tx);
  return {
    ownAttemptIds: rows.filter((row) => row.isHeld).map((row) => row.id),
    forgottenAttemptIds: session.isNewInstance
      ? rows.filter((row) => !row.isHeld && row.state === "running").map((row) => row.id)
      : [],
  };
}
