import { usageError } from "../cli-error.ts";
import { parseFullName } from "../repo/parse-full-name.ts";

/** Whose variables are meant: a repository's, an owner's, or, without either, the farm's. */
export interface LevelOptions {
  readonly owner?: string;
  readonly repo?: string;
}

export interface VariableLevel {
  readonly owner?: string;
  readonly repository?: string;
}

/** Options → the level as the API names it. Errors: CliError `usage`. */
export function variableLevel({ owner, repo }: LevelOptions): VariableLevel {
  if (owner !== undefined && repo !== undefined) throw usageError("--owner and --repo exclude each other");
  if (repo === undefined) return owner === undefined ? {} : { owner };
  parseFullName(repo);
  return { repository: repo };
}

/** `me/app`, `owner me` or `the farm`. */
export function describeLevel(level: { readonly owner?: string | null; readonly repository?: string | null }): string {
  const { owner, repository } = level;
  if (typeof repository === "string") return repository;
  return typeof owner === "string" ? `owner ${owner}` : "the farm";
}
