import {
  ATTEMPT_TRANSITIONS,
  concludeJob,
  type FinishReport,
  JOB_TRANSITIONS,
  type Outcome,
  type Value,
} from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { fromStates, toState } from "../state-guard.ts";
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

/** Ends an attempt and moves its job on, with the events of both. `locked` comes from lockAttempt in this transaction. */
export async function endAttempt(tx: Tx, locked: LockedAttempt, options: EndAttemptOptions): Promise<void> {
  const { report, job } = options;
  const attemptTransition = ATTEMPT_TRANSITIONS[options.how];
  const jobTransition = pickJobTransition(options);
  const finished = job.kind === "finish" ? job : undefined;
  const delayMs = job.kind === "requeue" ? job.delayMs : 0;
  const costs = job.kind === "requeue" && job.costsBudget ? 1 : 0;
  const seals = report?.seals ?? [];
  const told = describeEvents(locked, options);
  const { rows } = await sql<{ attempts: number; jobs: number }>`
    with attempt as (
      update attempts set state = ${toState(attemptTransition)}, finished_at = clock_timestamp(),
        reason = ${options.reason}, message = ${report?.message ?? null}, outcome = ${report?.outcome ?? null},
        outputs = ${toJson(report?.outputs)}::jsonb, receipt = ${toJson(report?.receipt)}::jsonb,
        finish_answer = ${toJson(options.answer)}::jsonb, log_incomplete = ${options.logIncomplete ?? false},
        job_token_hash = null
      where id = ${locked.attemptId} and lease_id = ${locked.leaseId} and state in (${fromStates(attemptTransition)})
      returning id
    ),
    job as (
      update jobs set state = ${toState(jobTransition)}, infra_retries_used = infra_retries_used + ${costs}::int,
        not_before = case when ${delayMs}::float8 > 0 then clock_timestamp() + ${delayMs}::float8 * interval '1 ms' end,
        finished_at = case when ${finished !== undefined} then clock_timestamp() end, outcome = ${finished?.outcome ?? null},
        conclusion = ${finished === undefined ? null : concludeJob(finished.outcome)},
        reason = ${finished?.reason ?? null}, message = ${finished?.message ?? null},
        outputs = coalesce(${toJson(report?.outputs)}::jsonb, outputs)
      where id = ${locked.jobId} and state in (${fromStates(jobTransition)}) and exists (select from attempt)
      returning id
    ),
    sealed as (
      update log_streams s set sha256 = t.sha256, sealed_at = clock_timestamp()
      from unnest(${seals.map((seal) => seal.stream)}::text[], ${seals.map((seal) => seal.sha256)}::text[])
        as t (stream, sha256)
      where s.attempt_id = ${locked.attemptId} and s.stream = t.stream and s.sealed_at is null
    ),
    told as (
      insert into events (kind, repository_id, run_id, job_id, attempt_id, agent_id, data)
      select k.kind, ${locked.repositoryId}::bigint, ${locked.runId}::bigint, ${locked.jobId}::bigint,
        ${locked.attemptId}::uuid, ${locked.agentId}::uuid, k.data
      from job cross join unnest(${told.map((event) => event.kind)}::text[],
        ${told.map((event) => JSON.stringify(event.data))}::jsonb[]) as k (kind, data)
    )
    select (select count(*) from attempt) as attempts, (select count(*) from job) as jobs`.execute(tx);
  if (rows[0]?.attempts !== 1)
    throw new Error(`attempt ${locked.attemptId} was not ${attemptTransition.from.join(" or ")}`);
  if (rows[0].jobs !== 1)
    throw new Error(`job ${locked.jobId} was ${locked.jobState}, not ${jobTransition.from.join(" or ")}`);
}

function pickJobTransition({ job, how }: EndAttemptOptions) {
  if (job.kind === "finish") return JOB_TRANSITIONS.finish;
  return how === "decline" || how === "expire" ? JOB_TRANSITIONS.release : JOB_TRANSITIONS.requeue;
}

function describeEvents(locked: LockedAttempt, { how, reason, report, job }: EndAttemptOptions) {
  const attempt = { no: locked.no, reason, ...(report === undefined ? {} : { outcome: report.outcome }) };
  return [
    { kind: `attempt_${ATTEMPT_TRANSITIONS[how].to}`, data: attempt },
    job.kind === "requeue"
      ? { kind: "job_queued", data: { reason, delayMs: job.delayMs } }
      : {
          kind: "job_finished",
          data: { reason: job.reason, outcome: job.outcome, conclusion: concludeJob(job.outcome) },
        },
  ];
}

function toJson(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
