import { type JobId, RUN_TRANSITIONS, TOP_PRIORITY } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { fromStates, toState } from "../state-guard.ts";

/** What becomes of the jobs of attempt n; those that are not named are copied with their result. */
export interface RunAttemptJobs {
  /** They start anew, `blocked`. */
  readonly again: readonly JobId[];
  /** Calls that go on with their jobs. */
  readonly reopened: readonly JobId[];
  /** They are not copied. */
  readonly dropped: readonly JobId[];
  /** Of `again` those whose matrix is to be computed anew. */
  readonly recomputed: readonly JobId[];
}

/**
 * Opens run attempt n+1 with new job rows, to be advanced by the caller, who holds the run's lock. The run is `running`,
 * or `waiting` when it has to ask for its concurrency group. Throws when the run is not finished.
 */
export async function openRunAttempt(
  tx: Tx,
  options: { readonly runId: number; readonly jobs: RunAttemptJobs; readonly by: string; readonly isHeld: boolean },
): Promise<{ readonly attempt: number }> {
  const { runId, jobs, by, isHeld } = options;
  const transition = isHeld ? RUN_TRANSITIONS.rerunWaiting : RUN_TRANSITIONS.rerun;
  const { rows } = await sql<{ attempt: number }>`
    with changed as (
      update runs r set state = ${toState(transition)}, attempt = attempt + 1, conclusion = null,
        started_at = ${isHeld ? sql`null` : sql`clock_timestamp()`}, finished_at = null, triggering_actor = ${by},
        waiting_reason = ${isHeld ? "its concurrency group" : null},
        cancel_requested_at = null, cancel_requested_by = null, cancel_reason = null,
        followers_due = (select p.has_followers from repositories p where p.id = r.repository_id)
      where id = ${runId} and state in (${fromStates(transition)})
      returning id, repository_id, attempt, state
    ),
    told as (
      insert into events (kind, repository_id, run_id, data)
      select 'run_' || state, repository_id, id, jsonb_build_object('reason', 'rerun', 'by', ${by}::text, 'attempt', attempt)
      from changed
    )
    select attempt from changed`.execute(tx);
  const attempt = rows[0]?.attempt;
  if (attempt === undefined) throw new Error(`run ${runId} is not finished`);
  await copyJobs(tx, { runId, attempt, jobs });
  await sql`
    insert into job_needs (job_id, needs_job_id)
    select new_job.id, new_need.id
    from job_needs n
    join jobs old_job on old_job.id = n.job_id and old_job.run_id = ${runId} and old_job.run_attempt = ${attempt - 1}
    join jobs old_need on old_need.id = n.needs_job_id
    join jobs new_job on new_job.run_id = ${runId} and new_job.run_attempt = ${attempt}
      and new_job.key = old_job.key and new_job.matrix_index = old_job.matrix_index
    join jobs new_need on new_need.run_id = ${runId} and new_need.run_attempt = ${attempt}
      and new_need.key = old_need.key and new_need.matrix_index = old_need.matrix_index`.execute(tx);
  await sql`
    insert into events (kind, repository_id, run_id, job_id, data)
    select 'job_' || state, repository_id, run_id, id,
      jsonb_strip_nulls(jsonb_build_object('reason', 'rerun', 'outcome', outcome, 'copied_from', copied_from))
    from jobs where run_id = ${runId} and run_attempt = ${attempt} order by id`.execute(tx);
  return { attempt };
}

async function copyJobs(
  tx: Tx,
  { runId, attempt, jobs }: { readonly runId: number; readonly attempt: number; readonly jobs: RunAttemptJobs },
): Promise<void> {
  await sql`
    insert into jobs (run_id, run_attempt, repository_id, owner, kind, inputs, key, name, matrix, matrix_index, matrix_total,
      fail_fast, max_parallel, label_set_id, preferred_pool, trust, priority, state, continue_on_error, exclusive,
      timeout_ms, outcome, conclusion, reason, message, outputs, copied_from, started_at, finished_at)
    select j.run_id, ${attempt}, j.repository_id, j.owner, j.kind, case when not g.again then j.inputs end, j.key, j.name,
      case when g.recomputed then '{}' else j.matrix end, j.matrix_index,
      case when g.recomputed then 1 else j.matrix_total end, j.fail_fast, j.max_parallel, j.label_set_id,
      j.preferred_pool, j.trust,
      -- that somebody moved a job to the top was about that try of it
      case when j.priority >= ${TOP_PRIORITY} then 0 else j.priority end,
      case when g.again then 'blocked' when g.reopened then 'running' else 'finished' end, j.continue_on_error,
      j.exclusive, j.timeout_ms,
      case when g.copied then j.outcome end, case when g.copied then j.conclusion end,
      case when g.copied then j.reason end, case when g.copied then j.message end,
      case when g.copied then j.outputs else '{}' end, case when g.copied then coalesce(j.copied_from, j.id) end,
      case when g.copied then j.started_at when g.reopened then clock_timestamp() end,
      case when g.copied then j.finished_at end
    from jobs j cross join lateral (
      select j.id = any (${jobs.again}::bigint[]) as again, j.id = any (${jobs.reopened}::bigint[]) as reopened,
        not j.id = any (${[...jobs.again, ...jobs.reopened]}::bigint[]) as copied,
        j.id = any (${jobs.recomputed}::bigint[]) as recomputed
    ) g
    where j.run_id = ${runId} and j.run_attempt = ${attempt - 1} and not j.id = any (${jobs.dropped}::bigint[])
    order by j.id`.execute(tx);
  await sql`
    update jobs n set parent_job_id = new_call.id
    from jobs o join jobs c on c.id = o.parent_job_id
      join jobs new_call on new_call.run_id = c.run_id and new_call.run_attempt = ${attempt}
        and new_call.key = c.key and new_call.matrix_index = c.matrix_index
    where o.run_id = ${runId} and o.run_attempt = ${attempt - 1}
      and n.run_id = o.run_id and n.run_attempt = ${attempt} and n.key = o.key and n.matrix_index = o.matrix_index`.execute(
    tx,
  );
}
