import type {
  Conclusion,
  JobId,
  JobState,
  RepositoryId,
  RunId,
  RunState,
  Trust,
  Value,
  WorkflowDefinition,
} from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { variablesOf } from "../variables/variables-of.ts";

/** A run as contexts and plans see it. `definition` is large and read apart. */
export interface RunFacts {
  readonly id: RunId;
  readonly number: number;
  readonly attempt: number;
  readonly state: RunState;
  readonly repositoryId: RepositoryId;
  readonly owner: string;
  readonly repository: string;
  readonly defaultBranch: string;
  readonly language: string | null;
  readonly sha: string;
  readonly ref: string;
  readonly eventName: string;
  readonly actor: string;
  readonly trust: Trust;
  readonly workflowName: string;
  readonly workflowPath: string;
  readonly cancelRequested: boolean;
  readonly cancelReason: string | null;
  /** Who asked for the present attempt of the run. */
  readonly triggeringActor: string;
  readonly headRef: string;
  readonly baseRef: string;
  readonly inputs: { readonly [name: string]: Value };
  readonly vars: { readonly [name: string]: string };
}

/** What moves a run on also asks whether it has to do with concurrency groups. */
export interface LockedRun extends RunFacts {
  readonly hasEntries: boolean;
  readonly scope: "branch" | "tag" | "try";
}

export interface RunJob {
  readonly id: JobId;
  readonly kind: "ordinary" | "call";
  /** The call it stands in. */
  readonly parentJobId: JobId | null;
  /** Of a call that was opened: what its workflow was given. */
  readonly inputs: { readonly [name: string]: Value } | null;
  readonly key: string;
  readonly name: string;
  readonly state: JobState;
  readonly conclusion: Conclusion | null;
  readonly continueOnError: boolean;
  readonly failFast: boolean;
  readonly maxParallel: number | null;
  readonly matrix: { readonly [name: string]: Value };
  readonly matrixIndex: number;
  readonly matrixTotal: number;
  readonly outputs: Readonly<Record<string, string>>;
  readonly cancelRequested: boolean;
  /** It waits for its concurrency group. */
  readonly isHeld: boolean;
  /** Its result is of an earlier attempt of the run. */
  readonly isCopied: boolean;
  readonly finishedAt: Date | null;
  readonly needs: readonly JobId[];
}

/** Locks the run and reads it: whoever moves its jobs on does so alone. Undefined when there is no such run. */
export async function lockRun(tx: Tx, runId: RunId | number): Promise<LockedRun | undefined> {
  const { rows } = await sql<LockedRun>`
    select r.id, r.number, r.attempt, r.state, r.repository_id as "repositoryId", p.owner, p.name as repository,
      p.default_branch as "defaultBranch", p.language, r.sha, r.ref, r.event_name as "eventName", r.actor, r.trust,
      r.workflow_name as "workflowName", r.workflow_path as "workflowPath",
      r.cancel_requested_at is not null as "cancelRequested", r.cancel_reason as "cancelReason",
      coalesce(r.triggering_actor, r.actor) as "triggeringActor", r.head_ref as "headRef", r.base_ref as "baseRef", r.inputs,
      ${variablesOf(sql.ref("p.owner"), sql.ref("p.id"))} as vars,
      exists (select from concurrency_entries e where e.run_id = r.id) as "hasEntries", r.scope
    from runs r join repositories p on p.id = r.repository_id
    where r.id = ${runId} for update of r`.execute(tx);
  return rows[0];
}

/** The jobs of one attempt of a run, in the order of their making. */
export async function readRunJobs(tx: Tx, runId: RunId | number, runAttempt: number): Promise<RunJob[]> {
  const { rows } = await sql<RunJob>`
    select j.id, j.kind, j.parent_job_id as "parentJobId", j.inputs, j.key, j.name, j.state, j.conclusion, j.continue_on_error as "continueOnError", j.fail_fast as "failFast",
      j.max_parallel as "maxParallel", j.matrix, j.matrix_index as "matrixIndex", j.matrix_total as "matrixTotal",
      j.outputs, j.cancel_requested_at is not null as "cancelRequested", j.held_reason is not null as "isHeld",
      j.copied_from is not null as "isCopied", j.finished_at as "finishedAt", array(select n.needs_job_id from job_needs n where n.job_id = j.id order by 1)::int8[]::text[] as needs
    from jobs j where j.run_id = ${runId} and j.run_attempt = ${runAttempt} order by j.id`.execute(tx);
  return rows.map((row) => ({ ...row, needs: row.needs.map((id) => Number(id) as JobId) }));
}

/** What the workflow file said, and the event's document: large, so read only by who needs them. */
export async function readRunDefinition(
  db: Database,
  runId: RunId | number,
): Promise<{ readonly definition: WorkflowDefinition; readonly eventJson: string } | undefined> {
  const row = await db
    .selectFrom("runs")
    .select(["definition", "event_json"])
    .where("id", "=", runId)
    .executeTakeFirst();
  if (row === undefined || row.definition === null) return undefined;
  return { definition: row.definition, eventJson: row.event_json };
}
