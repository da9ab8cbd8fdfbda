import { GitError, runGit } from "./run-git.ts";

/** The branch checked out at `cwd`; nothing on a detached head or outside a repository. */
export async function currentBranch(cwd: string): Promise<string | undefined> {
  try {
    return (await runGit(["symbolic-ref", "--quiet", "--short", "HEAD"], { cwd })).stdout.trim();
  } catch (error) {
    if (error instanceof GitError && (error.gitExitCode === 1 || error.gitExitCode === 128)) return undefined;
    throw error;
  }
}
