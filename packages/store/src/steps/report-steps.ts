import type { AgentId, Annotation, AttemptId, LeaseId, StepReport } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface StepFacts {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly agentId: AgentId;
  readonly sessionNo: number;
  readonly steps: readonly StepReport[];
}

export interface ReportedAttempt {
  readonly attemptId: AttemptId;
  readonly runId: number;
  readonly cancelRequested: boolean;
}

/**
 * Writes what agents say of steps; states only go forward, facts of a finished step never change. An attempt missing
 * from the answer is not the caller's any more. One entry per attempt and call. One statement, also inside a transaction.
 */
export async function reportSteps(db: Database, facts: readonly StepFacts[]): Promise<ReportedAttempt[]> {
  const steps = facts.flatMap((fact) => lastOfEach(fact.steps).map((step) => ({ attemptId: fact.attemptId, ...step })));
  const remarks = steps.flatMap((step) => step.annotations?.map((one, no) => ({ ...step, no, annotation: one })) ?? []);
  const summaries = steps.flatMap((step) => (step.summary ? [{ ...step, summary: step.summary }] : []));
  const { rows } = await sql<ReportedAttempt>`
    with request as (
      select * from unnest(${facts.map((fact) => fact.attemptId)}::uuid[], ${facts.map((fact) => fact.leaseId)}::uuid[],
        ${facts.map((fact) => fact.agentId)}::uuid[], ${facts.map((fact) => fact.sessionNo)}::bigint[])
        as r (attempt_id, lease_id, agent_id, session_no)
    ),
    open as (
      select a.id, a.job_id, a.agent_id from attempts a join request r on a.id = r.attempt_id
        and a.lease_id = r.lease_id and a.agent_id = r.agent_id and a.session_no <= r.session_no and a.state = 'running'
    ),
    written as (
      insert into steps as s (attempt_id, step_no, name, state, outcome, conclusion, exit_code, signal, fault, started_at, finished_at)
      select f.attempt_id, f.step_no, f.name, f.state, f.outcome, f.conclusion, f.exit_code, f.signal, f.fault,
        to_timestamp(f.started_at_ms / 1000.0), to_timestamp(f.finished_at_ms / 1000.0)
      from unnest(${steps.map((step) => step.attemptId)}::uuid[], ${steps.map((step) => step.stepNo)}::int[],
        ${steps.map((step) => step.name)}::text[], ${steps.map((step) => step.state)}::text[],
        ${steps.map((step) => step.outcome ?? null)}::text[], ${steps.map((step) => step.conclusion ?? null)}::text[],
        ${steps.map((step) => step.exitCode ?? null)}::bigint[], ${steps.map((step) => step.signal ?? null)}::text[],
        ${steps.map((step) => step.fault ?? null)}::text[], ${steps.map((step) => step.startedAtMs)}::float8[],
        ${steps.map((step) => step.finishedAtMs ?? null)}::float8[])
        as f (attempt_id, step_no, name, state, outcome, conclusion, exit_code, signal, fault, started_at_ms, finished_at_ms)
      join open o on o.id = f.attempt_id
      on conflict (attempt_id, step_no) do update set
        name = excluded.name, state = excluded.state, outcome = excluded.outcome, conclusion = excluded.conclusion,
        exit_code = excluded.exit_code, signal = excluded.signal, fault = excluded.fault,
        started_at = excluded.started_at, finished_at = excluded.finished_at
      where s.state <> 'finished' and (s.state, excluded.state) <> ('running', 'running')
      returning s.attempt_id, s.step_no, s.state, s.outcome, s.conclusion
    ),
    ${remarks.length === 0 ? sql`` : insertAnnotations(remarks)}
    ${summaries.length === 0 ? sql`` : insertSummaries(summaries)}
    told as (
      insert into events (kind, repository_id, run_id, job_id, attempt_id, agent_id, data)
      select 'step_' || w.state, j.repository_id, j.run_id, j.id, w.attempt_id, o.agent_id,
        jsonb_strip_nulls(jsonb_build_object('step_no', w.step_no, 'outcome', w.outcome, 'conclusion', w.conclusion))
      from written w join open o on o.id = w.attempt_id join jobs j on j.id = o.job_id
      order by w.step_no
    )
    select o.id as "attemptId", j.run_id as "runId", j.cancel_requested_at is not null as "cancelRequested"
    from open o join jobs j on j.id = o.job_id`.execute(db);
  return rows;
}

type StepOfAttempt = StepReport & { readonly attemptId: AttemptId };

/** What one attempt may leave in the database, whatever its steps say; summaries as documented for a job. */
export const ANNOTATIONS_PER_ATTEMPT_MAX = 200;
export const SUMMARIES_PER_ATTEMPT_MAX = 20;

/** With the end of their step, which is written once. */
function insertAnnotations(
  remarks: readonly (StepOfAttempt & { readonly no: number; readonly annotation: Annotation })[],
) {
  const column = <T>(pick: (annotation: Annotation) => T) => remarks.map((remark) => pick(remark.annotation));
  const columns = sql`attempt_id, step_no, no, level, message, title, file, line, end_line, start_column, end_column`;
  return sql`annotated as (
      insert into annotations (${columns})
      select ${columns} from (
        select n.*, (select count(*) from annotations a where a.attempt_id = n.attempt_id)
          + row_number() over (partition by n.attempt_id order by n.step_no, n.no) as place
        from unnest(${remarks.map((remark) => remark.attemptId)}::uuid[],
          ${remarks.map((remark) => remark.stepNo)}::int[], ${remarks.map((remark) => remark.no)}::int[],
          ${column((one) => one.level)}::text[], ${column((one) => one.message)}::text[],
          ${column((one) => one.title ?? null)}::text[], ${column((one) => one.file ?? null)}::text[],
          ${column((one) => place(one.line))}::int[], ${column((one) => place(one.endLine))}::int[],
          ${column((one) => place(one.column))}::int[], ${column((one) => place(one.endColumn))}::int[])
          as n (${columns})
        join written w on w.attempt_id = n.attempt_id and w.step_no = n.step_no and w.state = 'finished'
      ) f where place <= ${ANNOTATIONS_PER_ATTEMPT_MAX}
      on conflict do nothing
    ),`;
}

function insertSummaries(summaries: readonly (StepOfAttempt & { readonly summary: string })[]) {
  return sql`summarised as (
      insert into step_summaries (attempt_id, step_no, text)
      select attempt_id, step_no, text from (
        select n.*, (select count(*) from step_summaries s where s.attempt_id = n.attempt_id)
          + row_number() over (partition by n.attempt_id order by n.step_no) as place
        from unnest(${summaries.map((one) => one.attemptId)}::uuid[],
          ${summaries.map((one) => one.stepNo)}::int[], ${summaries.map((one) => one.summary)}::text[])
          as n (attempt_id, step_no, text)
        join written w on w.attempt_id = n.attempt_id and w.step_no = n.step_no and w.state = 'finished'
      ) f where place <= ${SUMMARIES_PER_ATTEMPT_MAX}
      on conflict do nothing
    ),`;
}

const INT4_MAX = 2 ** 31 - 1;

/** A step may name any line it likes. */
function place(at: number | undefined): number | null {
  return at === undefined ? null : Math.min(at, INT4_MAX);
}

/** A report may name a step twice (it started and ended meanwhile); one statement may write a row only once. */
function lastOfEach(steps: readonly StepReport[]): StepReport[] {
  const last = new Map<number, StepReport>();
  for (const step of steps) if (last.get(step.stepNo)?.state !== "finished") last.set(step.stepNo, step);
  return [...last.values()];
}
