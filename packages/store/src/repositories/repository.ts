import type { RepositorySchedule } from "../schema.ts";

/** A hosted repository as stored. */
export interface RepositoryRow {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  readonly default_branch: string;
  readonly language: string | null;
  /** Of the workflow files on the default branch; null when there is none. */
  readonly schedules: readonly RepositorySchedule[] | null;
  /** A workflow file on the default branch starts when a run ends (`workflow_run`). */
  readonly has_followers: boolean;
  readonly created_by: string;
  readonly created_at: Date;
}

export const REPOSITORY_COLUMNS = [
  "id",
  "owner",
  "name",
  "default_branch",
  "language",
  "schedules",
  "has_followers",
  "created_by",
  "created_at",
] as const;
