import {
  type Conclusion,
  concludeJob,
  type Diagnostic,
  JOB_TRANSITIONS,
  type JobId,
  type Outcome,
  RUN_TRANSITIONS,
} from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { rowJson } from "../row-text.ts";
import { fromStates, toState } from "../state-guard.ts";

export interface JobToQueue {
  readonly jobId: JobId;
  readonly name: string;
  readonly labelSetId: number;
  readonly timeoutMs: number;
  readonly continueOnError: boolean;
  readonly failFast: boolean;
  /** Null when any number of its matrix may run at once. */
  readonly maxParallel: number | null;
  /** A deployment: it must never overlap with its own next attempt. */
  readonly exclusive: boolean;
  readonly preferredPool: string | null;
}

/** Blocked jobs whose needs are finished enter the queue. */
export async function queueJobs(tx: Tx, jobs: readonly JobToQueue[]): Promise<void> {
  if (jobs.length === 0) return;
  const { rows } = await sql<{ count: number }>`
    with changed as (
      update jobs j set state = ${toState(JOB_TRANSITIONS.queue)}, queued_at = clock_timestamp(), name = q.name,
        label_set_id = q.label_set_id, timeout_ms = q.timeout_ms, continue_on_error = q.continue_on_error, held_reason = null,
        fail_fast = q.fail_fast, max_parallel = q.max_parallel, exclusive = q.exclusive,
        preferred_pool = (
          select p.name from pools p where p.name = q.preferred_pool or lower(q.preferred_pool) = any (p.labels)
          order by p.name = q.preferred_pool desc, p.priority desc, p.name limit 1)
      from unnest(${jobs.map((job) => job.jobId)}::bigint[], ${jobs.map((job) => job.name)}::text[],
        ${jobs.map((job) => job.labelSetId)}::bigint[], ${jobs.map((job) => job.timeoutMs)}::bigint[],
        ${jobs.map((job) => job.continueOnError)}::boolean[], ${jobs.map((job) => job.preferredPool)}::text[],
        ${jobs.map((job) => job.failFast)}::boolean[], ${jobs.map((job) => job.maxParallel)}::int[],
        ${jobs.map((job) => job.exclusive)}::boolean[])
        as q (job_id, name, label_set_id, timeout_ms, continue_on_error, preferred_pool, fail_fast, max_parallel, exclusive)
      where j.id = q.job_id and j.state in (${fromStates(JOB_TRANSITIONS.queue)})
      returning j.id, j.run_id, j.repository_id
    ),
    told as (
      insert into events (kind, repository_id, run_id, job_id, data)
      select 'job_queued', repository_id, run_id, id, '{"reason": "needs_finished"}' from changed order by id
    )
    select count(*) as count from changed`.execute(tx);
  if (rows[0]?.count !== jobs.length)
    throw new Error(`${jobs.length} jobs to queue, ${rows[0]?.count ?? 0} were blocked`);
}

export interface JobToHold {
  readonly jobId: JobId;
  readonly name: string;
  /** A sentence. */
  readonly reason: string;
}

/** Blocked jobs whose needs are finished wait for their concurrency groups. */
export async function holdJobs(tx: Tx, jobs: readonly JobToHold[]): Promise<void> {
  if (jobs.length === 0) return;
  await sql`
    update jobs j set held_reason = h.reason, name = h.name
    from unnest(${jobs.map((job) => job.jobId)}::bigint[], ${jobs.map((job) => job.reason)}::text[],
      ${jobs.map((job) => job.name)}::text[]) as h (job_id, reason, name)
    where j.id = h.job_id and j.state in (${fromStates(JOB_TRANSITIONS.queue)})`.execute(tx);
}

export interface JobToSettle {
  readonly jobId: JobId;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly message?: string;
  readonly name?: string;
}

/** Ends jobs that no agent has: skipped, failed by a diagnostic, or cancelled. The answer lists those that were still there. */
export async function settleJobs(tx: Tx, jobs: readonly JobToSettle[]): Promise<JobId[]> {
  if (jobs.length === 0) return [];
  const { rows } = await sql<{ id: JobId }>`
    with changed as (
      update jobs j set state = ${toState(JOB_TRANSITIONS.settle)}, finished_at = clock_timestamp(), outcome = s.outcome,
        conclusion = s.conclusion, reason = s.reason, message = s.message, name = coalesce(s.name, j.name)
      from unnest(${jobs.map((job) => job.jobId)}::bigint[], ${jobs.map((job) => job.outcome)}::text[],
        ${jobs.map((job) => concludeJob(job.outcome))}::text[], ${jobs.map((job) => job.reason)}::text[],
        ${jobs.map((job) => job.message ?? null)}::text[], ${jobs.map((job) => job.name ?? null)}::text[])
        as s (job_id, outcome, conclusion, reason, message, name)
      where j.id = s.job_id and (j.state in (${fromStates(JOB_TRANSITIONS.settle)})
        or (s.outcome = 'cancelled' and j.state in (${fromStates(JOB_TRANSITIONS.cancel)})))
      returning j.id, j.run_id, j.repository_id, j.outcome, j.conclusion, j.reason
    ),
    told as (
      insert into events (kind, repository_id, run_id, job_id, data)
      select 'job_finished', repository_id, run_id, id,
        jsonb_build_object('outcome', outcome, 'conclusion', conclusion, 'reason', reason) from changed order by id
    )
    select id from changed order by id`.execute(tx);
  return rows.map((row) => row.id);
}

/** The run is over: all jobs of its present attempt are finished. The answer says whether it was not over before. */
export async function concludeRunRow(
  tx: Tx,
  options: { readonly runId: number; readonly conclusion: Conclusion },
): Promise<boolean> {
  const { rows } = await sql`
    with changed as (
      update runs set state = ${toState(RUN_TRANSITIONS.conclude)}, conclusion = ${options.conclusion},
        finished_at = clock_timestamp(), waiting_reason = null
      where id = ${options.runId} and state in (${fromStates(RUN_TRANSITIONS.conclude)})
      returning id, repository_id, conclusion, attempt
    )
    insert into events (kind, repository_id, run_id, data)
    select 'run_finished', repository_id, id, jsonb_build_object('conclusion', conclusion, 'attempt', attempt)
    from changed returning id`.execute(tx);
  return rows.length === 1;
}

/** A run that waited runs from now on; false when it does not wait (any more). The caller holds its lock. */
export async function beginRun(tx: Tx, runId: number, reason: string): Promise<boolean> {
  const { rows } = await sql`
    with changed as (
      update runs set state = ${toState(RUN_TRANSITIONS.begin)}, started_at = clock_timestamp(), waiting_reason = null
      where id = ${runId} and state in (${fromStates(RUN_TRANSITIONS.begin)})
      returning id, repository_id, number
    )
    insert into events (kind, repository_id, run_id, data)
    select 'run_running', repository_id, id, jsonb_build_object('reason', ${reason}::text, 'number', number) from changed
    returning id`.execute(tx);
  return rows.length === 1;
}

/** What was evaluated when a run was made: its title, and the group it asks for. The caller holds its lock. */
export async function nameRun(
  tx: Tx,
  run: { readonly runId: number; readonly title?: string; readonly group?: string },
): Promise<void> {
  await sql`
    update runs set title = coalesce(${run.title ?? null}, title), concurrency_group = ${run.group ?? null},
      waiting_reason = case when state = 'waiting' then ${run.group === undefined ? null : `the concurrency group '${run.group}'`} end
    where id = ${run.runId}`.execute(tx);
}

/** Complaints that a run collects while it is moved on, its reruns counted; further ones stand with their jobs. */
const DIAGNOSTICS_KEPT_MAX = 1_000;

/** Adds complaints that were found only when a job was made ready. */
export async function addRunDiagnostics(tx: Tx, runId: number, diagnostics: readonly Diagnostic[]): Promise<void> {
  if (diagnostics.length === 0) return;
  await sql`
    update runs set diagnostics = diagnostics || ${rowJson(diagnostics.slice(0, DIAGNOSTICS_KEPT_MAX))}::jsonb
    where id = ${runId} and jsonb_array_length(diagnostics) < ${DIAGNOSTICS_KEPT_MAX}`.execute(tx);
}
