import { copyFile, rm } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import path from "node:path";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { GitError, type GitOptions, runGit } from "./run-git.ts";

/** A commit of the working tree as it is; nothing refers to it in the person's repository. */
export interface Snapshot {
  readonly sha: string;
  /** Null before the first commit. */
  readonly parentSha: string | null;
  /** The branch that is checked out; null on a detached head. */
  readonly branch: string | null;
  readonly top: string;
}

export interface SnapshotOptions {
  readonly cwd: string;
  /** Distinguishes this snapshot, and its temporary index, from others of the same tree at the same time. */
  readonly id: string;
}

/**
 * Commits the working tree as it is, tracked and untracked files alike and without what .gitignore names, through an
 * index of its own: the person's index, branch and files stay untouched. Errors: CliError `not_a_repository`, GitError.
 */
export async function snapshotTree(options: SnapshotOptions): Promise<Snapshot> {
  const top = await findTop(options.cwd);
  const git = async (args: readonly string[], environment: GitOptions["environment"] = {}) =>
    (await runGit(args, { cwd: top, environment })).stdout.trim();
  const gitFolder = path.resolve(top, await git(["rev-parse", "--git-dir"]));
  const indexFile = path.join(gitFolder, `windrow-try-${options.id}.index`);
  const environment = { GIT_INDEX_FILE: indexFile, ...(await identity(top)) };
  try {
    await copyIndex(path.resolve(top, await git(["rev-parse", "--git-path", "index"])), indexFile);
    await git(
      ["-c", "advice.addEmbeddedRepo=false", "-c", "core.safecrlf=false", "add", "--all", "--", ":/"],
      environment,
    );
    const tree = await git(["write-tree"], environment);
    const parentSha = await readOrNull(top, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
    const parents = parentSha === null ? [] : ["-p", parentSha];
    const subject = parentSha === null ? null : await readOrNull(top, ["log", "-1", "--format=%s", parentSha]);
    const title = subject === null ? "Working tree" : `Working tree on top of: ${subject}`;
    // the same tree within the same second must be another commit: its runs are found by it
    const message = `${title}\n\nTry: ${options.id}`;
    const sha = await git(["commit-tree", tree, ...parents, "-m", message], environment);
    return { sha, parentSha, branch: await readOrNull(top, ["symbolic-ref", "--quiet", "--short", "HEAD"]), top };
  } finally {
    await rm(indexFile, { force: true });
    await rm(`${indexFile}.lock`, { force: true });
  }
}

async function findTop(cwd: string): Promise<string> {
  try {
    return (await runGit(["rev-parse", "--show-toplevel"], { cwd })).stdout.trim();
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw new CliError(`${cwd} is not inside a git working tree`, {
      code: "not_a_repository",
      exitCode: EXIT.usage,
      hint: "Change to the folder of your project, or make it a repository with: git init",
      cause: error,
    });
  }
}

/** A copy of the index knows which files are unchanged, so that a big tree is not read again. */
async function copyIndex(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    const isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isAbsent) throw error;
  }
}

/** Answers null where git says "there is none" with exit code 1 (or 128 for a missing revision). */
async function readOrNull(cwd: string, args: readonly string[]): Promise<string | null> {
  try {
    return (await runGit(args, { cwd })).stdout.trim();
  } catch (error) {
    if (error instanceof GitError && (error.gitExitCode === 1 || error.gitExitCode === 128)) return null;
    throw error;
  }
}

/** A commit needs an author; who has told git no name is called by the machine's. */
async function identity(cwd: string): Promise<Record<string, string>> {
  const isKnown = async (name: string) => (await readOrNull(cwd, ["var", name])) !== null;
  if (await isKnown("GIT_COMMITTER_IDENT")) return {};
  const name = userInfo().username;
  const email = `${name}@${hostname()}`;
  return { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email };
}
