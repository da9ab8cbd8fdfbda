import type { GitEnvironment } from "../git/git-environment.ts";
import { runGit } from "../git/run-git.ts";

/** More changed files than this are not compared with path filters. */
export const CHANGED_PATHS_MAX = 10_000;
/** Commits are counted up to here: one more than path filters look at. */
const COMMITS_COUNTED_MAX = 1_001;

/** What an event changed, as far as path filters ask. */
export interface Changes {
  readonly paths: readonly string[];
  readonly commitCount: number;
}

interface Place {
  readonly environment: GitEnvironment;
  readonly folder: string;
}

/**
 * What a push changed: the difference of before and after (two dots); of a new ref, that of the parent of its deepest
 * commit and after. Undefined when that cannot be told (no common history, or too many), and then no path filter holds a
 * run back.
 */
export async function findPushChanges(
  options: Place & {
    readonly ref: string;
    /** Undefined for a new ref. */
    readonly before: string | undefined;
    readonly after: string;
  },
): Promise<Changes | undefined> {
  const { after } = options;
  const before = options.before ?? (await findStart(options));
  return before === undefined || before === after ? undefined : compare(options, before, after);
}

/** What a pull request changes: the difference of where its head left the base and the head (three dots). */
export async function findPullRequestChanges(
  options: Place & { readonly base: string; readonly head: string },
): Promise<Changes | undefined> {
  const { base, head } = options;
  const start = (await git(options, ["merge-base", base, head, "--"]))?.trim();
  return start === undefined || start === "" ? undefined : compare(options, start, head);
}

/** The parent of the first commit that only this ref has. */
async function findStart(
  options: Place & { readonly ref: string; readonly after: string },
): Promise<string | undefined> {
  const { ref, after } = options;
  const others = [`--exclude=${ref}`, "--glob=refs/heads/*", `--exclude=${ref}`, "--glob=refs/tags/*"];
  const own = await git(options, ["rev-list", "--topo-order", after, "--not", ...others]);
  const deepest = own?.trim().split("\n").at(-1);
  if (deepest === undefined || deepest === "") return undefined;
  const parent = await git(options, ["rev-parse", "--verify", "--quiet", `${deepest}^1`]);
  return parent?.trim();
}

async function compare(place: Place, before: string, after: string): Promise<Changes | undefined> {
  const [output, count] = await Promise.all([
    git(place, ["diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after, "--"]),
    git(place, ["rev-list", "--count", `--max-count=${COMMITS_COUNTED_MAX}`, `${before}..${after}`, "--"]),
  ]);
  const paths = output?.split("\0").filter((path) => path !== "");
  if (paths === undefined || count === undefined || paths.length > CHANGED_PATHS_MAX) return undefined;
  return { paths, commitCount: Number(count) };
}

const git = ({ environment, folder }: Place, argv: readonly string[]): Promise<string | undefined> =>
  runGit({ environment, folder, argv });
