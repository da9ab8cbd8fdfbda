import type { Conclusion, Diagnostic, RunState, Trust, Value } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** A run as people see it, without its jobs. */
export interface RunView {
  readonly id: number;
  readonly repository_id: number;
  readonly owner: string;
  readonly repository: string;
  readonly number: number;
  readonly attempt: number;
  readonly scope: "branch" | "tag" | "try";
  readonly trust: Trust;
  readonly event_name: string;
  readonly ref: string;
  readonly sha: string;
  readonly title: string;
  readonly actor: string;
  readonly workflow_path: string;
  readonly workflow_name: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly inputs: { readonly [name: string]: Value };
  readonly state: RunState;
  /** False while no agent has started a job of the latest attempt. */
  readonly has_started: boolean;
  readonly conclusion: Conclusion | null;
  readonly waiting_reason: string | null;
  readonly cancel_requested_at: Date | null;
  readonly cancel_requested_by: string | null;
  readonly cancel_reason: string | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

function selectRuns(db: Database | Tx) {
  return db
    .selectFrom("runs")
    .innerJoin("repositories", "repositories.id", "runs.repository_id")
    .select([
      "runs.id",
      "runs.repository_id",
      "repositories.owner",
      sql<string>`repositories.owner || '/' || repositories.name`.as("repository"),
      "runs.number",
      "runs.attempt",
      "runs.scope",
      "runs.trust",
      "runs.event_name",
      "runs.ref",
      "runs.sha",
      "runs.title",
      "runs.actor",
      "runs.workflow_path",
      "runs.workflow_name",
      "runs.diagnostics",
      "runs.inputs",
      "runs.state",
      sql<boolean>`runs.state = 'finished' or exists (select from jobs where jobs.run_id = runs.id
        and jobs.run_attempt = runs.attempt and jobs.started_at is not null and jobs.copied_from is null)`.as(
        "has_started",
      ),
      "runs.conclusion",
      "runs.waiting_reason",
      "runs.cancel_requested_at",
      "runs.cancel_requested_by",
      "runs.cancel_reason",
      "runs.created_at",
      "runs.started_at",
      "runs.finished_at",
    ]);
}

/** One run. */
export async function findRun(db: Database | Tx, runId: number): Promise<RunView | undefined> {
  return selectRuns(db).where("runs.id", "=", runId).executeTakeFirst();
}

export interface RunFilter {
  readonly owner?: string | undefined;
  readonly repository?: { readonly owner: string; readonly name: string } | undefined;
  readonly ref?: string | undefined;
  /** Whole or a prefix. */
  readonly sha?: string | undefined;
  /** Path or name. */
  readonly workflow?: string | undefined;
  readonly state?: RunState | undefined;
  readonly conclusion?: Conclusion | undefined;
  readonly actor?: string | undefined;
  readonly pushIds?: readonly number[] | undefined;
  /** Only runs older than this one. */
  readonly beforeId?: number | undefined;
  readonly limit: number;
}

/** Runs that pass every filter given, newest first. */
export async function listRuns(db: Database | Tx, filter: RunFilter): Promise<RunView[]> {
  let query = selectRuns(db);
  if (filter.owner !== undefined) query = query.where("repositories.owner", "=", filter.owner);
  if (filter.repository !== undefined) {
    query = query
      .where("repositories.owner", "=", filter.repository.owner)
      .where("repositories.name", "=", filter.repository.name)
      .where("repositories.deleted_at", "is", null);
  }
  if (filter.ref !== undefined) query = query.where("runs.ref", "=", filter.ref);
  if (filter.sha !== undefined) query = query.where("runs.sha", "like", `${filter.sha}%`);
  const { workflow } = filter;
  if (workflow !== undefined) {
    query = query.where((where) =>
      where.or([where("runs.workflow_path", "=", workflow), where("runs.workflow_name", "=", workflow)]),
    );
  }
  if (filter.state !== undefined) query = query.where("runs.state", "=", filter.state);
  if (filter.conclusion !== undefined) query = query.where("runs.conclusion", "=", filter.conclusion);
  if (filter.actor !== undefined) query = query.where("runs.actor", "=", filter.actor);
  if (filter.pushIds !== undefined) query = query.where("runs.push_id", "in", [0, ...filter.pushIds]);
  if (filter.beforeId !== undefined) query = query.where("runs.id", "<", filter.beforeId);
  return query.orderBy("runs.id", "desc").limit(filter.limit).execute();
}
