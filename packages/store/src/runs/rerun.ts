import { type JobId, RUN_TRANSITIONS } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { fromStates, toState } from "../state-guard.ts";

/**
 * Opens run attempt n+1 with new job rows, blocked until the run is advanced: `again` are run anew, the other jobs of
 * attempt n are copied with their result. The caller holds the run's lock. Throws when the run is not finished.
 */
export async function openRunAttempt(
  tx: Tx,
  options: { readonly runId: number; readonly again: readonly JobId[]; readonly by: string },
): Promise<{ readonly attempt: number }> {
  const { runId, again, by } = options;
  const { rows } = await sql<{ attempt: number }>`
    with changed as (
      update runs set state = ${toState(RUN_TRANSITIONS.rerun)}, attempt = attempt + 1, conclusion = null,
        started_at = clock_timestamp(), finished_at = null,
        cancel_requested_at = null, cancel_requested_by = null, cancel_reason = null
      where id = ${runId} and state in (${fromStates(RUN_TRANSITIONS.rerun)})
      returning id, repository_id, attempt
    ),
    told as (
      insert into events (kind, repository_id, run_id, data)
      select 'run_running', repository_id, id, jsonb_build_object('reason', 'rerun', 'by', ${by}::text, 'attempt', attempt)
      from changed
    )
    select attempt from changed`.execute(tx);
  const attempt = rows[0]?.attempt;
  if (attempt === undefined) throw new Error(`run ${runId} is not finished`);
  await sql`
    insert into jobs (run_id, run_attempt, repository_id, owner, key, name, matrix, matrix_index, matrix_total, fail_fast,
      max_parallel, label_set_id, preferred_pool, trust, priority, state, continue_on_error, exclusive,
      timeout_ms, outcome, conclusion, reason, message, outputs, copied_from, started_at, finished_at)
    select j.run_id, ${attempt}, j.repository_id, j.owner, j.key, j.name, j.matrix, j.matrix_index, j.matrix_total, j.fail_fast,
      j.max_parallel, j.label_set_id, j.preferred_pool, j.trust, j.priority,
      case when g.again then 'blocked' else 'finished' end, j.continue_on_error, j.exclusive, j.timeout_ms,
      case when not g.again then j.outcome end, case when not g.again then j.conclusion end,
      case when not g.again then j.reason end, case when not g.again then j.message end,
      case when g.again then '{}' else j.outputs end, case when not g.again then coalesce(j.copied_from, j.id) end,
      case when not g.again then j.started_at end, case when not g.again then j.finished_at end
    from jobs j cross join lateral (select j.id = any (${again}::bigint[]) as again) g
    where j.run_id = ${runId} and j.run_attempt = ${attempt - 1}
    order by j.id`.execute(tx);
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
    select case when state = 'finished' then 'job_finished' else 'job_blocked' end, repository_id, run_id, id,
      jsonb_strip_nulls(jsonb_build_object('reason', 'rerun', 'outcome', outcome, 'copied_from', copied_from))
    from jobs where run_id = ${runId} and run_attempt = ${attempt} order by id`.execute(tx);
  return { attempt };
}
