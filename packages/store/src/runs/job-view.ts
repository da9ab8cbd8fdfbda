import type { Conclusion, JobState, Outcome, Trust, Value } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** A job as people see it, without its attempts. */
export interface JobView {
  readonly id: number;
  readonly run_id: number;
  readonly run_attempt: number;
  readonly repository_id: number;
  readonly owner: string;
  readonly repository: string;
  readonly kind: "ordinary" | "call";
  readonly parent_job_id: number | null;
  /** Why its run has not begun; null when it has. */
  readonly run_waiting_reason: string | null;
  readonly key: string;
  readonly name: string;
  readonly matrix: { readonly [name: string]: Value };
  readonly labels: readonly string[];
  readonly label_set_id: number | null;
  readonly needs: readonly number[];
  readonly trust: Trust;
  readonly state: JobState;
  readonly outcome: Outcome | null;
  readonly conclusion: Conclusion | null;
  readonly reason: string | null;
  readonly message: string | null;
  readonly preferred_pool: string | null;
  readonly attempt_count: number;
  readonly not_before: Date | null;
  readonly held_reason: string | null;
  /** How many jobs of its matrix may run at once; null for any number. */
  readonly max_parallel: number | null;
  readonly cancel_requested_at: Date | null;
  readonly timeout_ms: number;
  readonly outputs: Record<string, string>;
  readonly created_at: Date;
  readonly queued_at: Date | null;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  /** Of the latest attempt. */
  readonly pool: string | null;
  readonly agent: string | null;
}

function selectJobs(db: Database | Tx) {
  return db
    .selectFrom("jobs")
    .innerJoin("repositories", "repositories.id", "jobs.repository_id")
    .leftJoin("label_sets", "label_sets.id", "jobs.label_set_id")
    .leftJoin("attempts", (join) =>
      join.onRef("attempts.job_id", "=", "jobs.id").onRef("attempts.no", "=", "jobs.attempt_count"),
    )
    .leftJoin("agents", "agents.id", "attempts.agent_id")
    .select([
      "jobs.id",
      "jobs.run_id",
      "jobs.run_attempt",
      "jobs.repository_id",
      "jobs.owner",
      sql<string>`repositories.owner || '/' || repositories.name`.as("repository"),
      "jobs.kind",
      "jobs.parent_job_id",
      sql<
        string | null
      >`(select runs.waiting_reason from runs where runs.id = jobs.run_id and runs.state = 'waiting')`.as(
        "run_waiting_reason",
      ),
      "jobs.key",
      "jobs.name",
      "jobs.matrix",
      sql<string[]>`coalesce(label_sets.labels, '{}')`.as("labels"),
      "jobs.label_set_id",
      sql<number[]>`coalesce((
        select jsonb_agg(needs_job_id order by needs_job_id) from job_needs where job_needs.job_id = jobs.id
      ), '[]')`.as("needs"),
      "jobs.trust",
      "jobs.state",
      "jobs.outcome",
      "jobs.conclusion",
      "jobs.reason",
      "jobs.message",
      "jobs.preferred_pool",
      "jobs.attempt_count",
      "jobs.not_before",
      "jobs.held_reason",
      "jobs.max_parallel",
      "jobs.cancel_requested_at",
      "jobs.timeout_ms",
      "jobs.outputs",
      "jobs.created_at",
      "jobs.queued_at",
      "jobs.started_at",
      "jobs.finished_at",
      "attempts.pool",
      "agents.name as agent",
    ]);
}

/** The jobs of one attempt of a run, in the order of the file. */
export async function listRunJobs(
  db: Database | Tx,
  run: { readonly runId: number; readonly runAttempt: number },
): Promise<JobView[]> {
  return selectJobs(db)
    .where("jobs.run_id", "=", run.runId)
    .where("jobs.run_attempt", "=", run.runAttempt)
    .orderBy("jobs.id")
    .execute();
}

/** These jobs, by id. */
export async function listJobsById(db: Database | Tx, ids: readonly number[]): Promise<JobView[]> {
  if (ids.length === 0) return [];
  return selectJobs(db).where("jobs.id", "in", ids).orderBy("jobs.id").execute();
}
