import type { AgentId, AttemptId, JobId, LeaseId } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** An open attempt that is to be told. */
export interface CancelTarget {
  readonly jobId: JobId;
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly agentId: AgentId;
  readonly reason: string;
}

/**
 * Asks jobs that an agent has to end; the answer lists the open attempts to tell, also when it was asked before. The
 * first reason stays. Jobs no agent has are ended by settleJobs instead. The caller holds the run's lock.
 */
export async function requestJobCancel(
  tx: Tx,
  options: { readonly jobIds: readonly JobId[]; readonly reason: string },
): Promise<CancelTarget[]> {
  if (options.jobIds.length === 0) return [];
  const { rows } = await sql<CancelTarget>`
    with target as (
      select j.id, j.cancel_requested_at is null as is_new from jobs j
      where j.id = any (${options.jobIds}::bigint[]) and j.state in ('leased', 'running') order by j.id for update
    ),
    asked as (
      update jobs j set cancel_requested_at = coalesce(j.cancel_requested_at, clock_timestamp()),
        cancel_reason = coalesce(j.cancel_reason, ${options.reason})
      from target t where j.id = t.id
      returning j.id, j.run_id, j.repository_id, j.cancel_reason, t.is_new
    ),
    told as (
      insert into events (kind, repository_id, run_id, job_id, data)
      select 'job_cancel_requested', repository_id, run_id, id, jsonb_build_object('reason', cancel_reason)
      from asked where is_new order by id
    )
    select k.id as "jobId", a.id as "attemptId", a.lease_id as "leaseId", a.agent_id as "agentId", k.cancel_reason as reason
    from asked k join attempts a on a.job_id = k.id and a.state in ('offered', 'running')`.execute(tx);
  return rows;
}

/** Records on the run that someone asked for its end. */
export async function requestRunCancel(
  tx: Tx,
  options: { readonly runId: number; readonly by: string; readonly reason: string },
): Promise<void> {
  await sql`
    with asked as (
      update runs set cancel_requested_at = clock_timestamp(), cancel_requested_by = ${options.by}, cancel_reason = ${options.reason}
      where id = ${options.runId} and cancel_requested_at is null and state <> 'finished'
      returning id, repository_id
    )
    insert into events (kind, repository_id, run_id, data)
    select 'run_cancel_requested', repository_id, id, jsonb_build_object('by', ${options.by}::text, 'reason', ${options.reason}::text)
    from asked`.execute(tx);
}
