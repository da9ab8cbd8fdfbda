import {
  type AgentId,
  ATTEMPT_STATES,
  type AttemptId,
  JOB_TRANSITIONS,
  type JobId,
  type LeaseId,
} from "@windrow/model";
import { sql } from "kysely";
import { agentRoom, isAgentAvailable } from "../agents/find-free-agents.ts";
import type { Database, Tx } from "../database.ts";
import type { DispatcherTerm } from "../pools/elect-dispatcher.ts";
import { fromStates, toState } from "../state-guard.ts";

/** One choice of the dispatcher, with the random ids its attempt is to carry. */
export interface GrantChoice {
  readonly jobId: JobId;
  readonly agentId: AgentId;
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
}

export interface GrantedLease extends GrantChoice {
  readonly runId: number;
  readonly attemptNo: number;
  readonly fence: bigint;
  readonly offerMs: number;
  /** The agent has worked on the repository before. */
  readonly isWarm: boolean;
}

const [OFFERED, RUNNING] = ATTEMPT_STATES;

/**
 * Applies the dispatcher's choices in one statement and returns those that held: the job still queued and ready, the
 * agent ready with a free slot under its row lock, the pool neither paused nor at its limit, the term current. Choices
 * stand in the order of their rank: where room is short, the first ones get it. The shared lock on the term makes a
 * dispatcher that was voted out count for nothing, and its successor see everything it granted; the one on the pool makes
 * a pause that was committed hold for every grant after it. Choices that no longer hold are left out silently: the next
 * pass looks again. Throws a unique violation when a group already has a holder.
 */
export async function grantLeases(
  db: Database | Tx,
  term: DispatcherTerm,
  choices: readonly GrantChoice[],
): Promise<GrantedLease[]> {
  const jobIds = choices.map((choice) => choice.jobId);
  const { rows } = await sql<Omit<GrantedLease, "fence"> & { fence: string }>`
    with choice as (
      select * from unnest(${jobIds}::bigint[], ${choices.map((choice) => choice.agentId)}::uuid[],
        ${choices.map((choice) => choice.attemptId)}::uuid[], ${choices.map((choice) => choice.leaseId)}::uuid[])
        with ordinality as c (job_id, agent_id, attempt_id, lease_id, rank)
    ),
    term as (
      select p.name as pool, p.offer_ms, p.jobs_max from pool_leases l join pools p on p.name = l.pool
      where l.pool = ${term.pool} and l.term_id = ${term.termId} and l.expires_at > clock_timestamp()
        and p.paused_at is null
      for share of l, p
    ),
    job as (
      select j.id, j.run_id, j.repository_id, j.attempt_count from jobs j
      where j.id = any (${jobIds}::bigint[]) and j.state in (${fromStates(JOB_TRANSITIONS.grant)})
        and j.cancel_requested_at is null and j.held_reason is null
        and (j.not_before is null or j.not_before <= clock_timestamp()) and exists (select from term)
      order by j.id for update skip locked
    ),
    agent as (
      select a.id, ${agentRoom} as slots from agents a
      where a.id in (select c.agent_id from choice c join job on job.id = c.job_id)
        and a.pool = ${term.pool} and ${isAgentAvailable}
      order by a.id for update of a
    ),
    held as (
      select c.*, job.run_id, job.repository_id, job.attempt_count + 1 as no,
        row_number() over (partition by c.agent_id order by c.rank) as place,
        agent.slots - (
          select count(*) from attempts o where o.agent_id = agent.id and o.state in (${sql.lit(OFFERED)}, ${sql.lit(RUNNING)})
        ) as free_count
      from choice c join job on job.id = c.job_id join agent on agent.id = c.agent_id
    ),
    fit as (
      select h.* from (
        select *, row_number() over (order by rank) as place_in_pool from held where place <= free_count
      ) h
      where h.place_in_pool <= coalesce((
        select t.jobs_max - (
          select count(*) from attempts o where o.pool = t.pool and o.state in (${sql.lit(OFFERED)}, ${sql.lit(RUNNING)})
        ) from term t where t.jobs_max is not null
      ), h.place_in_pool)
    ),
    granted as (
      update jobs j set state = ${toState(JOB_TRANSITIONS.grant)}, attempt_count = f.no, not_before = null
      from fit f where j.id = f.job_id
      returning j.id as job_id
    ),
    offered as (
      insert into attempts (id, job_id, no, agent_id, pool, lease_id, state, offered_at, offer_until)
      select f.attempt_id, f.job_id, f.no, f.agent_id, t.pool, f.lease_id, ${sql.lit(OFFERED)}, clock_timestamp(),
        clock_timestamp() + t.offer_ms * interval '1 ms'
      from fit f join granted g using (job_id) cross join term t
      returning id, fence
    ),
    -- what was there before this statement: the insert below is not seen by it
    warm as (
      select f.attempt_id from fit f
      where exists (select from agent_repositories v where v.agent_id = f.agent_id and v.repository_id = f.repository_id)
    ),
    used as (
      insert into agent_repositories as v (agent_id, repository_id, grants_count, attempt_id)
      select f.agent_id, f.repository_id, count(*), (array_agg(f.attempt_id order by f.rank desc))[1]
      from fit f join offered o on o.id = f.attempt_id group by f.agent_id, f.repository_id
      order by f.agent_id, f.repository_id
      on conflict (agent_id, repository_id) do update set used_at = excluded.used_at,
        grants_count = v.grants_count + excluded.grants_count, attempt_id = excluded.attempt_id
    ),
    told as (
      insert into events (kind, repository_id, run_id, job_id, attempt_id, agent_id, data)
      select k.kind, f.repository_id, f.run_id, f.job_id, f.attempt_id, f.agent_id,
        jsonb_build_object('no', f.no, 'fence', o.fence, 'reason', 'granted')
      from fit f join offered o on o.id = f.attempt_id
      cross join (values ('attempt_offered'), ('job_leased')) as k (kind)
    )
    select f.job_id as "jobId", f.agent_id as "agentId", f.attempt_id as "attemptId", f.lease_id as "leaseId",
      f.run_id as "runId", f.no as "attemptNo", o.fence::text as fence, t.offer_ms as "offerMs",
      exists (select from warm w where w.attempt_id = f.attempt_id) as "isWarm"
    from fit f join offered o on o.id = f.attempt_id cross join term t
    order by f.job_id`.execute(db);
  return rows.map((row) => ({ ...row, fence: BigInt(row.fence) }));
}
