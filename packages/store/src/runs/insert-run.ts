import type { Conclusion, Diagnostic, MatrixCombination, RunId, Trust, WorkflowDefinition } from "@windrow/model";
import { asRunId } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { appendEvents, type NewEvent } from "../events/append-events.ts";

/** One job of a new run; all start `blocked`, and unblocking them is the caller's next act in the same transaction. */
export interface NewJob {
  readonly key: string;
  readonly name: string;
  readonly needs: readonly string[];
  readonly matrix: MatrixCombination;
  readonly matrixIndex: number;
  readonly matrixTotal: number;
  readonly failFast: boolean;
  readonly maxParallel: number | null;
}

export interface NewRun {
  readonly repositoryId: number;
  readonly owner: string;
  readonly pushId: number | null;
  readonly scope: "branch" | "tag" | "try";
  readonly trust: Trust;
  readonly eventName: string;
  readonly eventJson: string;
  readonly ref: string;
  readonly sha: string;
  readonly beforeSha: string | null;
  readonly title: string;
  readonly actor: string;
  readonly workflowPath: string;
  readonly workflowName: string;
  /** Null for a file that could not be read: the run is finished at once, with its diagnostics. */
  readonly definition: WorkflowDefinition | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly jobs: readonly NewJob[];
}

export interface InsertedRun {
  readonly id: RunId;
  readonly number: number;
}

const ROWS_PER_STATEMENT = 500;

/**
 * Inserts a run with its jobs, their needs and the first events. The run is `running`, or `finished` as a failure when
 * it has no definition.
 */
export async function insertRun(tx: Tx, run: NewRun): Promise<InsertedRun> {
  const { next } = await tx
    .updateTable("repositories")
    .set((set) => ({ next_run_number: set("next_run_number", "+", 1) }))
    .where("id", "=", run.repositoryId)
    .returning("next_run_number as next")
    .executeTakeFirstOrThrow();
  const number = next - 1;
  const broken = run.definition === null;
  const conclusion: Conclusion | null = broken ? "failure" : null;
  const inserted = await tx
    .insertInto("runs")
    .values({
      repository_id: run.repositoryId,
      number,
      push_id: run.pushId,
      scope: run.scope,
      trust: run.trust,
      event_name: run.eventName,
      event_json: run.eventJson,
      ref: run.ref,
      sha: run.sha,
      before_sha: run.beforeSha,
      title: run.title,
      actor: run.actor,
      workflow_path: run.workflowPath,
      workflow_name: run.workflowName,
      definition: run.definition === null ? null : JSON.stringify(run.definition),
      diagnostics: JSON.stringify(run.diagnostics),
      state: broken ? "finished" : "running",
      conclusion,
      started_at: broken ? null : sql`now()`,
      finished_at: broken ? sql`now()` : null,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  const jobIds = await insertJobs(tx, inserted.id, run);
  await insertNeeds(tx, run.jobs, jobIds);
  await tellInserted(tx, inserted.id, run, { number, jobIds });
  return { id: asRunId(inserted.id), number };
}

async function insertJobs(tx: Tx, runId: number, run: NewRun): Promise<number[]> {
  const ids: number[] = [];
  for (let start = 0; start < run.jobs.length; start += ROWS_PER_STATEMENT) {
    const rows = run.jobs.slice(start, start + ROWS_PER_STATEMENT).map((job) => ({
      run_id: runId,
      run_attempt: 1,
      repository_id: run.repositoryId,
      owner: run.owner,
      key: job.key,
      name: job.name,
      matrix: JSON.stringify(job.matrix),
      matrix_index: job.matrixIndex,
      matrix_total: job.matrixTotal,
      fail_fast: job.failFast,
      max_parallel: job.maxParallel,
      trust: run.trust,
      state: "blocked" as const,
      outputs: "{}",
    }));
    // rows come back in the order they were given: one insert without a select numbers them one after the other
    const inserted = await tx.insertInto("jobs").values(rows).returning("id").execute();
    ids.push(...inserted.map((row) => row.id).sort((a, b) => a - b));
  }
  return ids;
}

async function insertNeeds(tx: Tx, jobs: readonly NewJob[], ids: readonly number[]): Promise<void> {
  const idsByKey = new Map<string, number[]>();
  jobs.forEach((job, index) => {
    const id = ids[index];
    if (id === undefined) throw new Error(`job ${job.key} has no row`);
    idsByKey.set(job.key, [...(idsByKey.get(job.key) ?? []), id]);
  });
  const rows = jobs.flatMap((job, index) => {
    const jobId = ids[index];
    if (jobId === undefined) return [];
    return job.needs.flatMap((key) =>
      (idsByKey.get(key) ?? []).map((needsJobId) => ({ job_id: jobId, needs_job_id: needsJobId })),
    );
  });
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT * 10) {
    await tx
      .insertInto("job_needs")
      .values(rows.slice(start, start + ROWS_PER_STATEMENT * 10))
      .execute();
  }
}

async function tellInserted(
  tx: Tx,
  runId: number,
  run: NewRun,
  facts: { number: number; jobIds: number[] },
): Promise<void> {
  const { number, jobIds } = facts;
  const common = { repositoryId: run.repositoryId, runId };
  const told: NewEvent[] =
    run.definition === null
      ? [{ ...common, kind: "run_finished", data: { conclusion: "failure", number, reason: "diagnostics" } }]
      : [{ ...common, kind: "run_running", data: { reason: run.eventName, number } }];
  const jobs = jobIds.map(
    (jobId): NewEvent => ({ ...common, kind: "job_blocked", jobId, data: { reason: "created" } }),
  );
  for (let start = 0; start < jobs.length || start === 0; start += ROWS_PER_STATEMENT) {
    await appendEvents(tx, [...(start === 0 ? told : []), ...jobs.slice(start, start + ROWS_PER_STATEMENT)]);
  }
}
