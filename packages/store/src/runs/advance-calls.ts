import {
  type Conclusion,
  JOB_TRANSITIONS,
  type JobId,
  type MatrixCombination,
  type Outcome,
  type Value,
} from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { appendEvents } from "../events/append-events.ts";
import { rowJson } from "../row-text.ts";
import { fromStates, toState } from "../state-guard.ts";
import { insertJobRows, insertJobs, type JobsOwner, type NewJob } from "./insert-jobs.ts";

/** A call whose needs are finished: it runs from now on, with its inner jobs inserted. */
export interface CallToOpen {
  readonly jobId: JobId;
  readonly name: string;
  readonly inputs: { readonly [name: string]: Value };
  readonly jobs: readonly NewJob[];
}

/** Opens a call; the ids of its inner jobs come in their order. The caller holds the run's lock. */
export async function openCall(tx: Tx, owner: Omit<JobsOwner, "parentJobId">, call: CallToOpen): Promise<JobId[]> {
  const { rows } = await sql`
    with changed as (
      update jobs j set state = ${toState(JOB_TRANSITIONS.open)}, started_at = clock_timestamp(), name = ${call.name},
        inputs = ${rowJson(call.inputs)}::jsonb, held_reason = null
      where j.id = ${call.jobId} and j.state in (${fromStates(JOB_TRANSITIONS.open)})
      returning j.id, j.run_id, j.repository_id
    )
    insert into events (kind, repository_id, run_id, job_id, data)
    select 'job_running', repository_id, run_id, id, '{"reason": "call"}' from changed returning id`.execute(tx);
  if (rows.length !== 1) throw new Error(`call ${call.jobId} was not blocked`);
  const ids = await insertJobs(tx, { ...owner, parentJobId: call.jobId }, call.jobs);
  await tellBlocked(tx, owner, ids, "call");
  return ids as JobId[];
}

/** A job whose matrix is known only now. */
export interface JobToExpand {
  readonly jobId: JobId;
  readonly parentJobId: JobId | null;
  /** The first becomes the job's own, the others get rows of their own. */
  readonly combinations: readonly MatrixCombination[];
  readonly job: Omit<NewJob, "needs" | "matrix" | "matrixIndex" | "matrixTotal">;
}

/**
 * Makes the rows of a matrix: what the job needs they all need, and what needs the job needs them all. The ids of the new
 * rows come in the order of the combinations but the first. The caller holds the run's lock.
 */
export async function expandJob(
  tx: Tx,
  owner: Omit<JobsOwner, "parentJobId">,
  { jobId, parentJobId, combinations, job }: JobToExpand,
): Promise<JobId[]> {
  const [first = {}, ...more] = combinations;
  const matrixTotal = combinations.length;
  await sql`
    update jobs set matrix = ${rowJson(first)}::json, matrix_total = ${matrixTotal}, fail_fast = ${job.failFast},
      max_parallel = ${job.maxParallel}
    where id = ${jobId} and state in (${fromStates(JOB_TRANSITIONS.queue)})`.execute(tx);
  if (more.length === 0) return [];
  const rows = more.map(
    (matrix, index): NewJob => ({ ...job, needs: [], matrix, matrixIndex: index + 1, matrixTotal }),
  );
  const ids = await insertJobRows(tx, { ...owner, parentJobId }, rows);
  await sql`
    insert into job_needs (job_id, needs_job_id)
    select m.id, n.needs_job_id from job_needs n cross join unnest(${ids}::bigint[]) as m (id) where n.job_id = ${jobId}
    union all
    select n.job_id, m.id from job_needs n cross join unnest(${ids}::bigint[]) as m (id) where n.needs_job_id = ${jobId}
  `.execute(tx);
  await tellBlocked(tx, owner, ids, "matrix");
  return ids as JobId[];
}

export interface CallToFinish {
  readonly jobId: JobId;
  readonly outcome: Outcome;
  readonly conclusion: Conclusion;
  readonly reason: string;
  readonly outputs: { readonly [name: string]: string };
}

/** Ends calls whose inner jobs are all finished. The caller holds the run's lock. */
export async function finishCalls(tx: Tx, calls: readonly CallToFinish[]): Promise<void> {
  if (calls.length === 0) return;
  const { rows } = await sql<{ count: number }>`
    with changed as (
      update jobs j set state = ${toState(JOB_TRANSITIONS.finish)}, finished_at = clock_timestamp(), outcome = c.outcome,
        conclusion = c.conclusion, reason = c.reason, outputs = c.outputs
      from unnest(${calls.map((call) => call.jobId)}::bigint[], ${calls.map((call) => call.outcome)}::text[],
        ${calls.map((call) => call.conclusion)}::text[], ${calls.map((call) => call.reason)}::text[],
        ${calls.map((call) => rowJson(call.outputs))}::jsonb[]) as c (job_id, outcome, conclusion, reason, outputs)
      where j.id = c.job_id and j.kind = 'call' and j.state in (${fromStates(JOB_TRANSITIONS.finish)})
      returning j.id, j.run_id, j.repository_id, j.outcome, j.conclusion, j.reason
    ),
    told as (
      insert into events (kind, repository_id, run_id, job_id, data)
      select 'job_finished', repository_id, run_id, id,
        jsonb_build_object('outcome', outcome, 'conclusion', conclusion, 'reason', reason) from changed order by id
    )
    select count(*) as count from changed`.execute(tx);
  if (rows[0]?.count !== calls.length)
    throw new Error(`${calls.length} calls to end, ${rows[0]?.count ?? 0} were open`);
}

async function tellBlocked(
  tx: Tx,
  owner: Omit<JobsOwner, "parentJobId">,
  jobIds: readonly number[],
  reason: string,
): Promise<void> {
  await appendEvents(
    tx,
    jobIds.map((jobId) => ({
      kind: "job_blocked",
      repositoryId: owner.repositoryId,
      runId: owner.runId,
      jobId,
      data: { reason },
    })),
  );
}
