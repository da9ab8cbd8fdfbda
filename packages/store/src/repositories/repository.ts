/** A hosted repository as stored. */
export interface RepositoryRow {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  readonly default_branch: string;
  readonly language: string | null;
  readonly created_by: string;
  readonly created_at: Date;
}

export const REPOSITORY_COLUMNS = [
  "id",
  "owner",
  "name",
  "default_branch",
  "language",
  "created_by",
  "created_at",
] as const;
