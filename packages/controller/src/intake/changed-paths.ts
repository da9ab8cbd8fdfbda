import type { GitEnvironment } from "../git/git-environment.ts";
import { runGit } from "../git/run-git.ts";

/** More changed files than this are not compared with path filters. */
export const CHANGED_PATHS_MAX = 10_000;

/**
 * Paths that differ between two commits; undefined when that cannot be told (no common history, or too many), and then
 * no path filter holds a run back. A branch that is new is compared with where it left `base`.
 */
export async function findChangedPaths(options: {
  readonly environment: GitEnvironment;
  readonly folder: string;
  /** Undefined for a new ref. */
  readonly before: string | undefined;
  readonly after: string;
  readonly base: string;
}): Promise<readonly string[] | undefined> {
  const { environment, folder, after } = options;
  const before =
    options.before ??
    (await runGit({ environment, folder, argv: ["merge-base", `refs/heads/${options.base}`, after, "--"] }))?.trim();
  if (before === undefined || before === "" || before === after) return undefined;
  const argv = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after, "--"];
  const output = await runGit({ environment, folder, argv });
  const paths = output?.split("\0").filter((path) => path !== "");
  return paths === undefined || paths.length > CHANGED_PATHS_MAX ? undefined : paths;
}
