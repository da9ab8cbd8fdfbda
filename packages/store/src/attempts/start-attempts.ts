import {
  type AgentId,
  ATTEMPT_TRANSITIONS,
  type AttemptId,
  JOB_TRANSITIONS,
  type LeaseId,
  type Plan,
  type PoolJobSettings,
} from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";
import { rowJson } from "../row-text.ts";
import { fromStates, toState } from "../state-guard.ts";

export interface AttemptStart {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly agentId: AgentId;
  readonly sessionNo: number;
  /** Stored by the first start; a replay returns what was stored. */
  readonly plan: Plan;
  readonly jobTokenHash: Buffer;
}

export interface StartedAttempt {
  readonly attemptId: AttemptId;
  readonly runId: number;
  readonly jobId: number;
  readonly plan: Plan;
  readonly cancelRequested: boolean;
  readonly cancelReason: string | null;
  /** What its pool says now. */
  readonly jobSettings: PoolJobSettings | null;
  readonly untrustedAllowed: boolean;
}

/**
 * Turns offers into running attempts, and answers replays of attempts that run already. What is not in the answer is
 * not the caller's (any more): the offer ran out, the lease is another's, or a newer process of the agent took over.
 */
export async function startAttempts(db: Database, starts: readonly AttemptStart[]): Promise<StartedAttempt[]> {
  const { rows } = await sql<StartedAttempt>`
    with request as (
      select * from unnest(${starts.map((start) => start.attemptId)}::uuid[], ${starts.map((start) => start.leaseId)}::uuid[],
        ${starts.map((start) => start.agentId)}::uuid[], ${starts.map((start) => start.sessionNo)}::bigint[],
        ${starts.map((start) => rowJson(start.plan))}::jsonb[], ${starts.map((start) => start.jobTokenHash)}::bytea[])
        as r (attempt_id, lease_id, agent_id, session_no, plan, job_token_hash)
    ),
    job as (
      select j.id, j.run_id, j.repository_id, j.cancel_requested_at is not null as cancel_requested, j.cancel_reason
      from jobs j
      where j.id in (select a.job_id from attempts a join request r on r.attempt_id = a.id)
      order by j.id for update
    ),
    started as (
      update attempts a set state = ${toState(ATTEMPT_TRANSITIONS.start)}, session_no = i.first_session_no,
        started_at = coalesce(a.started_at, clock_timestamp()), plan = coalesce(a.plan, r.plan),
        permissions = coalesce(a.permissions, r.plan -> 'permissions'),
        lease_until = clock_timestamp() + p.lost_after_ms * interval '1 ms', job_token_hash = r.job_token_hash
      from request r, job, pools p, agents g, agent_instances i
      where a.id = r.attempt_id and a.lease_id = r.lease_id and a.agent_id = r.agent_id and job.id = a.job_id
        and p.name = a.pool and g.id = a.agent_id and g.state <> 'removed'
        and i.agent_id = g.id and i.instance_id = g.instance_id and r.session_no >= i.first_session_no
        and coalesce(a.session_no, 0) <= r.session_no
        and ((a.state in (${fromStates(ATTEMPT_TRANSITIONS.start)}) and a.offer_until > clock_timestamp())
          or a.state = ${toState(ATTEMPT_TRANSITIONS.start)})
      returning a.id, a.job_id, a.agent_id, a.no, a.plan, a.fence, p.job_settings, p.untrusted_allowed
    ),
    running as (
      update jobs j set state = ${toState(JOB_TRANSITIONS.start)}, started_at = coalesce(j.started_at, clock_timestamp())
      from started s where j.id = s.job_id and j.state in (${fromStates(JOB_TRANSITIONS.start)})
      returning j.id
    ),
    told as (
      insert into events (kind, repository_id, run_id, job_id, attempt_id, agent_id, data)
      select k.kind, job.repository_id, job.run_id, job.id, s.id, s.agent_id, jsonb_build_object('no', s.no, 'fence', s.fence)
      from started s join running n on n.id = s.job_id join job on job.id = s.job_id
      cross join (values ('attempt_started'), ('job_running')) as k (kind)
    )
    select s.id as "attemptId", job.run_id as "runId", s.job_id as "jobId", s.plan,
      job.cancel_requested as "cancelRequested", job.cancel_reason as "cancelReason",
      s.job_settings as "jobSettings", s.untrusted_allowed as "untrustedAllowed"
    from started s join job on job.id = s.job_id`.execute(db);
  return rows;
}
