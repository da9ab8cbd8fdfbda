import type { Conclusion } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** How far a run is, in little: whether there is anything to move on. */
export interface RunProgress {
  readonly runId: number;
  readonly openCount: number;
  /** A blocked job's needs are all finished, and no concurrency group holds it. */
  readonly hasReady: boolean;
  /** The inner jobs of an open call are all finished. */
  readonly hasEndedCall: boolean;
  /** It or a job of it has asked for a concurrency group. */
  readonly hasEntries: boolean;
  /** An unfinished job belongs to a matrix that fails fast and has failed. */
  readonly hasFailFast: boolean;
  /** What finished jobs are concluded from, each pair once. */
  readonly finished: readonly { readonly conclusion: Conclusion; readonly continueOnError: boolean }[];
}

/** Reads how far running runs are; the caller holds their locks. Runs that are not running are left out. */
export async function readRunProgress(tx: Tx, runIds: readonly number[]): Promise<RunProgress[]> {
  const { rows } = await sql<RunProgress>`
    with job as (
      select j.id, j.run_id, j.kind, j.key, j.state, j.conclusion, j.continue_on_error, j.fail_fast, j.matrix_total,
        j.cancel_requested_at, j.copied_from, j.held_reason
      from runs r join jobs j on j.run_id = r.id and j.run_attempt = r.attempt
      where r.id = any (${runIds}::bigint[]) and r.state = 'running'
    ),
    failed as (
      select distinct run_id, key from job
      where fail_fast and matrix_total > 1 and conclusion = 'failure' and not continue_on_error
        and copied_from is null
    ),
    concluded as (
      select run_id, jsonb_agg(jsonb_build_object('conclusion', conclusion, 'continueOnError', continue_on_error)) as finished
      from (select distinct run_id, conclusion, continue_on_error from job where state = 'finished') d group by run_id
    ),
    counted as (
      select run_id, count(*) filter (where state <> 'finished') as open_count,
        coalesce(bool_or(not exists (
          select from job_needs n join jobs d on d.id = n.needs_job_id where n.job_id = job.id and d.state <> 'finished'
        )) filter (where state = 'blocked' and held_reason is null), false) as has_ready,
        coalesce(bool_or(not exists (
          select from jobs c where c.run_id = job.run_id and c.parent_job_id = job.id and c.state <> 'finished'
        )) filter (where kind = 'call' and state = 'running'), false) as has_ended_call,
        coalesce(bool_or((run_id, key) in (select run_id, key from failed))
          filter (where state <> 'finished' and cancel_requested_at is null), false) as has_fail_fast
      from job group by run_id
    )
    select c.run_id as "runId", c.open_count as "openCount", c.has_ready as "hasReady", c.has_fail_fast as "hasFailFast",
      c.has_ended_call as "hasEndedCall",
      exists (select from concurrency_entries e where e.run_id = c.run_id) as "hasEntries",
      coalesce(f.finished, '[]') as finished
    from counted c left join concluded f using (run_id)
    order by c.run_id`.execute(tx);
  return rows;
}
