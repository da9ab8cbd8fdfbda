import type { RepositoryReaders, RepositorySchedule } from "../schema.ts";

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
  /** At most so many open attempts at a time; null is no limit. */
  readonly jobs_max: number | null;
  /** Its share among its owner's repositories. */
  readonly weight: number;
  readonly readable_by: RepositoryReaders;
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
  "jobs_max",
  "weight",
  "readable_by",
  "created_by",
  "created_at",
] as const;
