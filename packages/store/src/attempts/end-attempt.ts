import {
  ATTEMPT_TRANSITIONS,
  type Conclusion,
  concludeJob,
  type FinishReport,
  JOB_TRANSITIONS,
  type Outcome,
  type Value,
} from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { rowJson } from "../row-text.ts";
import type { LockedAttempt } from "./lock-attempt.ts";

/** What becomes of the job. `costsBudget` says that its infra budget pays for the next try. */
export type JobAfter =
  | { readonly kind: "requeue"; readonly delayMs: number; readonly costsBudget: boolean }
  | { readonly kind: "finish"; readonly outcome: Outcome; readonly reason: string; readonly message?: string };

export interface EndAttemptOptions {
  readonly how: keyof Omit<typeof ATTEMPT_TRANSITIONS, "start">;
  readonly reason: string;
  readonly job: JobAfter;
  /** What the agent reported; only with `how: "finish"`. */
  readonly report?: FinishReport;
  /** Kept for a replay of the report. */
  readonly answer?: Value;
  readonly logIncomplete?: boolean;
}

/** One attempt that ends. `locked` comes from lockAttempt in this transaction. */
export interface AttemptEnd extends EndAttemptOptions {
  readonly locked: LockedAttempt;
}

/** Ends attempts and moves their jobs on, with the events of both. Throws when one of them may not end so. */
export async function endAttempts(tx: Tx, ends: readonly AttemptEnd[]): Promise<void> {
  const column = <T>(pick: (end: AttemptEnd) => T) => ends.map(pick);
  const finished = ({ job }: AttemptEnd) => (job.kind === "finish" ? job : undefined);
  const requeued = ({ job }: AttemptEnd) => (job.kind === "requeue" ? job : undefined);
  const seals = ends.flatMap(({ locked, report }) =>
    (report?.seals ?? []).map((seal) => ({ ...seal, attemptId: locked.attemptId })),
  );
  const told = ends.flatMap(describeEvents);
  for (const end of ends) checkTransitions(end);
  const { rows } = await sql<{ attempts: number; jobs: number }>`
    with ending as (
      select * from unnest(${column((end) => end.locked.attemptId)}::uuid[], ${column((end) => end.locked.leaseId)}::uuid[],
        ${column((end) => end.locked.state)}::text[], ${column((end) => ATTEMPT_TRANSITIONS[end.how].to)}::text[],
        ${column((end) => end.reason)}::text[], ${column((end) => end.report?.message ?? null)}::text[],
        ${column((end) => end.report?.outcome ?? null)}::text[], ${column((end) => toJson(end.report?.outputs))}::jsonb[],
        ${column((end) => toJson(end.report?.receipt))}::jsonb[], ${column((end) => toJson(end.answer))}::jsonb[],
        ${column((end) => end.logIncomplete ?? false)}::boolean[], ${column((end) => end.locked.jobId)}::bigint[],
        ${column((end) => end.locked.jobState)}::text[], ${column((end) => pickJobTransition(end).to)}::text[],
        ${column((end) => (requeued(end)?.costsBudget === true ? 1 : 0))}::int[],
        ${column((end) => requeued(end)?.delayMs ?? 0)}::float8[], ${column((end) => finished(end)?.outcome ?? null)}::text[],
        ${column((end) => concludeOrNull(finished(end)?.outcome))}::text[],
        ${column((end) => finished(end)?.reason ?? null)}::text[], ${column((end) => finished(end)?.message ?? null)}::text[])
        as e (attempt_id, lease_id, from_state, to_state, reason, message, outcome, outputs, receipt, answer,
          log_incomplete, job_id, job_from, job_to, costs, delay_ms, job_outcome, job_conclusion, job_reason, job_message)
    ),
    attempt as (
      update attempts a set state = e.to_state, finished_at = clock_timestamp(), reason = e.reason, message = e.message,
        outcome = e.outcome, outputs = e.outputs, receipt = e.receipt, finish_answer = e.answer,
        log_incomplete = e.log_incomplete, job_token_hash = null
      from ending e where a.id = e.attempt_id and a.lease_id = e.lease_id and a.state = e.from_state
      returning a.id
    ),
    job as (
      update jobs j set state = e.job_to, infra_retries_used = j.infra_retries_used + e.costs,
        not_before = case when e.delay_ms > 0 then clock_timestamp() + e.delay_ms * interval '1 ms' end,
        finished_at = case when e.job_outcome is not null then clock_timestamp() end, outcome = e.job_outcome,
        conclusion = e.job_conclusion, reason = e.job_reason, message = e.job_message,
        outputs = coalesce(e.outputs, j.outputs)
      from ending e join attempt t on t.id = e.attempt_id
      where j.id = e.job_id and j.state = e.job_from
      returning j.id
    ),
    sealed as (
      update log_streams s set sha256 = t.sha256, sealed_at = clock_timestamp(), truncated_at = t.truncated_at, produced_bytes = t.produced_bytes
      from unnest(${seals.map((seal) => seal.attemptId)}::uuid[], ${seals.map((seal) => seal.stream)}::text[],
        ${seals.map((seal) => seal.sha256)}::text[], ${seals.map((seal) => seal.truncation?.truncatedAt ?? null)}::bigint[],
        ${seals.map((seal) => seal.truncation?.producedBytes ?? null)}::bigint[])
        as t (attempt_id, stream, sha256, truncated_at, produced_bytes)
      where s.attempt_id = t.attempt_id and s.stream = t.stream and s.sealed_at is null
    ),
    told as (
      insert into events (kind, repository_id, run_id, job_id, attempt_id, agent_id, data)
      select k.kind, k.repository_id, k.run_id, k.job_id, k.attempt_id, k.agent_id, k.data
      from unnest(${told.map((event) => event.kind)}::text[], ${told.map((event) => event.locked.repositoryId)}::bigint[],
        ${told.map((event) => event.locked.runId)}::bigint[], ${told.map((event) => event.locked.jobId)}::bigint[],
        ${told.map((event) => event.locked.attemptId)}::uuid[], ${told.map((event) => event.locked.agentId)}::uuid[],
        ${told.map((event) => rowJson(event.data))}::jsonb[])
        as k (kind, repository_id, run_id, job_id, attempt_id, agent_id, data)
    )
    select (select count(*) from attempt) as attempts, (select count(*) from job) as jobs`.execute(tx);
  const [counted] = rows;
  if (counted?.attempts !== ends.length || counted.jobs !== ends.length) {
    throw new Error(`${ends.length} attempts were to end, ${counted?.attempts} and ${counted?.jobs} jobs did`);
  }
}

function checkTransitions(end: AttemptEnd): void {
  const { locked, how } = end;
  const from: readonly string[] = ATTEMPT_TRANSITIONS[how].from;
  if (!from.includes(locked.state)) throw new Error(`attempt ${locked.attemptId} is ${locked.state}: it cannot ${how}`);
  const jobTransition = pickJobTransition(end);
  const jobFrom: readonly string[] = jobTransition.from;
  if (!jobFrom.includes(locked.jobState)) {
    throw new Error(`job ${locked.jobId} is ${locked.jobState}: it cannot ${jobTransition.name}`);
  }
}

function concludeOrNull(outcome: Outcome | undefined): Conclusion | null {
  return outcome === undefined ? null : concludeJob(outcome);
}

function pickJobTransition({ job, how }: EndAttemptOptions) {
  if (job.kind === "finish") return JOB_TRANSITIONS.finish;
  return how === "decline" || how === "expire" ? JOB_TRANSITIONS.release : JOB_TRANSITIONS.requeue;
}

function describeEvents({ locked, how, reason, report, job }: AttemptEnd) {
  const attempt = { no: locked.no, reason, ...(report === undefined ? {} : { outcome: report.outcome }) };
  return [
    { locked, kind: `attempt_${ATTEMPT_TRANSITIONS[how].to}`, data: attempt },
    job.kind === "requeue"
      ? { locked, kind: "job_queued", data: { reason, delayMs: job.delayMs } }
      : {
          locked,
          kind: "job_finished",
          data: { reason: job.reason, outcome: job.outcome, conclusion: concludeJob(job.outcome) },
        },
  ];
}

function toJson(value: unknown): string | null {
  return value === undefined ? null : rowJson(value);
}
