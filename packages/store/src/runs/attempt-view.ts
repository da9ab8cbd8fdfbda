import type { AnnotationLevel, AttemptState, Conclusion, Outcome, Receipt, StepState } from "@windrow/model";
import type { Database } from "../database.ts";

export interface StepView {
  readonly attempt_id: string;
  readonly step_no: number;
  readonly name: string;
  readonly state: StepState;
  readonly outcome: Outcome | null;
  readonly conclusion: Conclusion | null;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly fault: string | null;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

export interface AnnotationView {
  readonly attempt_id: string;
  readonly step_no: number;
  readonly level: AnnotationLevel;
  readonly message: string;
  readonly title: string | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly end_line: number | null;
  readonly start_column: number | null;
  readonly end_column: number | null;
}

export interface SummaryView {
  readonly attempt_id: string;
  readonly step_no: number;
  readonly text: string;
}

export interface StreamView {
  readonly attempt_id: string;
  readonly stream: string;
  readonly length_bytes: number;
  readonly line_count: number;
  readonly sha256: string | null;
  readonly sealed_at: Date | null;
  /** Where bytes were left out, and how many there were; null where none were. */
  readonly truncated_at: number | null;
  readonly produced_bytes: number | null;
}

export interface AttemptView {
  readonly id: string;
  readonly job_id: number;
  readonly no: number;
  readonly agent_id: string;
  readonly agent: string;
  readonly pool: string;
  readonly state: AttemptState;
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  readonly message: string | null;
  readonly receipt: Receipt | null;
  readonly log_incomplete: boolean;
  readonly offered_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly steps: readonly StepView[];
  readonly streams: readonly StreamView[];
  readonly annotations: readonly AnnotationView[];
  readonly summaries: readonly SummaryView[];
}

/** Annotations of all attempts that are listed together; a job alone never has that many. */
const ANNOTATIONS_LISTED_MAX = 2_000;

/**
 * Every attempt of these jobs with steps and streams, oldest first; summaries, which are large, where asked for, of the
 * latest attempt of each job.
 */
export async function listAttempts(
  db: Database,
  jobIds: readonly number[],
  options: { readonly withSummaries?: boolean } = {},
): Promise<AttemptView[]> {
  if (jobIds.length === 0) return [];
  const attempts = await db
    .selectFrom("attempts")
    .innerJoin("agents", "agents.id", "attempts.agent_id")
    .select([
      "attempts.id",
      "attempts.job_id",
      "attempts.no",
      "attempts.agent_id",
      "agents.name as agent",
      "attempts.pool",
      "attempts.state",
      "attempts.outcome",
      "attempts.reason",
      "attempts.message",
      "attempts.receipt",
      "attempts.log_incomplete",
      "attempts.offered_at",
      "attempts.started_at",
      "attempts.finished_at",
    ])
    .where("attempts.job_id", "in", jobIds)
    .orderBy("attempts.job_id")
    .orderBy("attempts.no")
    .execute();
  const ids = attempts.map((attempt) => attempt.id);
  const [steps, streams, annotations, summaries] =
    ids.length === 0
      ? [[], [], [], []]
      : await Promise.all([
          listSteps(db, ids),
          listStreams(db, ids),
          listAnnotations(db, ids),
          options.withSummaries === true ? listSummaries(db, latestOf(attempts)) : [],
        ]);
  return attempts.map((attempt) => ({
    ...attempt,
    steps: steps.filter((step) => step.attempt_id === attempt.id),
    streams: streams.filter((stream) => stream.attempt_id === attempt.id).sort(byStreamOrder),
    annotations: annotations.filter((annotation) => annotation.attempt_id === attempt.id),
    summaries: summaries.filter((summary) => summary.attempt_id === attempt.id),
  }));
}

async function listSteps(db: Database, attemptIds: readonly string[]): Promise<StepView[]> {
  return db
    .selectFrom("steps")
    .select([
      "attempt_id",
      "step_no",
      "name",
      "state",
      "outcome",
      "conclusion",
      "exit_code",
      "signal",
      "fault",
      "started_at",
      "finished_at",
    ])
    .where("attempt_id", "in", attemptIds)
    .orderBy("step_no")
    .execute();
}

async function listAnnotations(db: Database, attemptIds: readonly string[]): Promise<AnnotationView[]> {
  return db
    .selectFrom("annotations")
    .select([
      "attempt_id",
      "step_no",
      "level",
      "message",
      "title",
      "file",
      "line",
      "end_line",
      "start_column",
      "end_column",
    ])
    .where("attempt_id", "in", attemptIds)
    .orderBy("step_no")
    .orderBy("no")
    .limit(ANNOTATIONS_LISTED_MAX)
    .execute();
}

/** Of attempts in the order of their numbers. */
function latestOf(attempts: readonly { readonly id: string; readonly job_id: number }[]): string[] {
  return [...new Map(attempts.map((attempt) => [attempt.job_id, attempt.id])).values()];
}

async function listSummaries(db: Database, attemptIds: readonly string[]): Promise<SummaryView[]> {
  return db
    .selectFrom("step_summaries")
    .select(["attempt_id", "step_no", "text"])
    .where("attempt_id", "in", attemptIds)
    .execute();
}

async function listStreams(db: Database, attemptIds: readonly string[]): Promise<StreamView[]> {
  return db
    .selectFrom("log_streams")
    .select([
      "attempt_id",
      "stream",
      "length_bytes",
      "line_count",
      "sha256",
      "sealed_at",
      "truncated_at",
      "produced_bytes",
    ])
    .where("attempt_id", "in", attemptIds)
    .execute();
}

/** `system` first, then the steps by number. */
function byStreamOrder(a: StreamView, b: StreamView): number {
  const rank = (stream: string): number => (stream === "system" ? -1 : Number(stream));
  return rank(a.stream) - rank(b.stream);
}
