import type { AttemptId, JobId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";
import type { RunFacts, RunJob } from "../runs/advance-read.ts";
import { variablesOf } from "../variables/variables-of.ts";

export type StartNeed = Pick<RunJob, "id" | "key" | "conclusion" | "continueOnError" | "outputs">;

/** What the plan of one job is built from, besides the definition. */
export interface StartFacts extends RunFacts {
  readonly attemptId: AttemptId;
  readonly jobId: JobId;
  readonly jobKey: string;
  readonly jobName: string;
  readonly matrix: RunJob["matrix"];
  readonly matrixIndex: number;
  readonly matrixTotal: number;
  readonly failFast: boolean;
  readonly maxParallel: number | null;
  /** What the calls it stands in were given, the outermost first. */
  readonly calls: readonly { readonly key: string; readonly inputs: RunFacts["inputs"] }[];
  readonly timeoutMs: number;
  /** Direct needs in the order in which they ended. */
  readonly needs: readonly StartNeed[];
}

/** Reads them without a lock: nothing of it changes once the job is queued. Unknown attempts are left out. */
export async function readStartFacts(db: Database, attemptIds: readonly AttemptId[]): Promise<StartFacts[]> {
  const { rows } = await sql<StartFacts>`
    select a.id as "attemptId", j.id as "jobId", j.key as "jobKey", j.name as "jobName", j.matrix, j.matrix_index as "matrixIndex",
      j.matrix_total as "matrixTotal", j.fail_fast as "failFast", j.max_parallel as "maxParallel",
      coalesce((
        with recursive up (id, parent_job_id, key, inputs, height) as (
          select c.id, c.parent_job_id, c.key, c.inputs, 1 from jobs c where c.id = j.parent_job_id
          union all select c.id, c.parent_job_id, c.key, c.inputs, up.height + 1 from up join jobs c on c.id = up.parent_job_id
        )
        select jsonb_agg(jsonb_build_object('key', up.key, 'inputs', coalesce(up.inputs, '{}')) order by up.height desc) from up
      ), '[]') as calls,
      j.timeout_ms as "timeoutMs", r.id, r.number, j.run_attempt as attempt, r.state, r.repository_id as "repositoryId",
      p.owner, p.name as repository, p.default_branch as "defaultBranch", p.language, r.sha, r.ref,
      r.event_name as "eventName", r.actor, r.trust, r.workflow_name as "workflowName", r.workflow_path as "workflowPath",
      r.cancel_requested_at is not null as "cancelRequested", r.cancel_reason as "cancelReason",
      coalesce(r.triggering_actor, r.actor) as "triggeringActor", r.head_ref as "headRef", r.base_ref as "baseRef", r.inputs,
      ${variablesOf(sql.ref("p.owner"), sql.ref("p.id"))} as vars,
      coalesce((
        select jsonb_agg(jsonb_build_object('id', d.id, 'key', d.key, 'conclusion', d.conclusion,
          'continueOnError', d.continue_on_error, 'outputs', d.outputs) order by d.finished_at, d.id)
        from job_needs n join jobs d on d.id = n.needs_job_id where n.job_id = j.id
      ), '[]') as needs
    from attempts a join jobs j on j.id = a.job_id join runs r on r.id = j.run_id join repositories p on p.id = r.repository_id
    where a.id = any (${attemptIds}::uuid[])`.execute(db);
  return rows;
}
