import type { Conclusion, Diagnostic, RunId, Trust, Value, WorkflowDefinition } from "@windrow/model";
import { asRunId } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { appendEvents, type NewEvent } from "../events/append-events.ts";
import { rowJson } from "../row-text.ts";
import { insertJobs, type NewJob, ROWS_PER_STATEMENT } from "./insert-jobs.ts";

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
  /** Of the dispatch, typed; none when absent. */
  readonly inputs?: { readonly [name: string]: Value };
  /** Of a pull request. */
  readonly headRef?: string;
  readonly baseRef?: string;
  /** It starts `waiting`, since it has to ask for its concurrency group first. */
  readonly isHeld?: boolean;
  /** The end of this run started it; `depth` counts such steps. */
  readonly causeRunId?: number;
  readonly depth?: number;
  /** Workflows of the default branch start when it ends. */
  readonly hasFollowers?: boolean;
}

export interface InsertedRun {
  readonly id: RunId;
  readonly number: number;
}

/**
 * Inserts a run with its jobs, their needs and the first events. The run is `running`, `waiting` when it is held, or
 * `finished` as a failure when it has no definition.
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
      definition: run.definition === null ? null : rowJson(run.definition),
      diagnostics: rowJson(run.diagnostics),
      inputs: rowJson(run.inputs ?? {}),
      head_ref: run.headRef ?? "",
      base_ref: run.baseRef ?? "",
      cause_run_id: run.causeRunId ?? null,
      depth: run.depth ?? 0,
      followers_due: run.hasFollowers ?? false,
      state: broken ? "finished" : run.isHeld === true ? "waiting" : "running",
      conclusion,
      waiting_reason: run.isHeld === true && !broken ? "its concurrency group" : null,
      started_at: broken || run.isHeld === true ? null : sql`now()`,
      finished_at: broken ? sql`now()` : null,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  const { repositoryId, owner, trust } = run;
  const jobsOwner = { runId: inserted.id, runAttempt: 1, repositoryId, owner, trust, parentJobId: null };
  const jobIds = await insertJobs(tx, jobsOwner, run.jobs);
  await tellInserted(tx, inserted.id, run, { number, jobIds });
  return { id: asRunId(inserted.id), number };
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
      : [
          {
            ...common,
            kind: run.isHeld === true ? "run_waiting" : "run_running",
            data: { reason: run.eventName, number },
          },
        ];
  const jobs = jobIds.map(
    (jobId): NewEvent => ({ ...common, kind: "job_blocked", jobId, data: { reason: "created" } }),
  );
  for (let start = 0; start < jobs.length || start === 0; start += ROWS_PER_STATEMENT) {
    await appendEvents(tx, [...(start === 0 ? told : []), ...jobs.slice(start, start + ROWS_PER_STATEMENT)]);
  }
}
