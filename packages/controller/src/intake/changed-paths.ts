import { spawn } from "node:child_process";
import { once } from "node:events";
import type { GitEnvironment } from "../git/git-environment.ts";

/** More changed files than this are not compared with path filters. */
export const CHANGED_PATHS_MAX = 10_000;
const OUTPUT_BYTES_MAX = 2 * 1024 * 1024;
const GIT_TIMEOUT_MS = 10_000;

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
    options.before ?? (await runGit(environment, folder, ["merge-base", `refs/heads/${options.base}`, after]))?.trim();
  if (before === undefined || before === "" || before === after) return undefined;
  const output = await runGit(environment, folder, [
    "diff-tree",
    "-r",
    "-z",
    "--name-only",
    "--no-renames",
    before,
    after,
  ]);
  const paths = output?.split("\0").filter((path) => path !== "");
  return paths === undefined || paths.length > CHANGED_PATHS_MAX ? undefined : paths;
}

async function runGit(
  environment: GitEnvironment,
  folder: string,
  argv: readonly string[],
): Promise<string | undefined> {
  const child = spawn("git", ["--git-dir", folder, ...argv, "--"], {
    env: environment.env,
    cwd: "/",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: GIT_TIMEOUT_MS,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= OUTPUT_BYTES_MAX) chunks.push(chunk);
  });
  const [code] = await once(child, "close");
  return code === 0 && size <= OUTPUT_BYTES_MAX ? Buffer.concat(chunks).toString("utf8") : undefined;
}
