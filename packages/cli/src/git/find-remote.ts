import { parseRemote, type RemoteRepository } from "./parse-remote.ts";
import { GitError, runGit } from "./run-git.ts";

/**
 * The farm's repository this working tree belongs to, by its git remotes: one of the farm at `farmUrl` first (`origin`
 * before others), else, for a farm known by several names, any remote of the form `…/git/OWNER/NAME.git`.
 */
export async function findRemote(cwd: string, farmUrl: string | undefined): Promise<RemoteRepository | undefined> {
  return chooseRemote(await listRemotes(cwd), farmUrl);
}

/** Pure part of `findRemote`. */
export function chooseRemote(
  remotes: readonly { readonly name: string; readonly address: string }[],
  farmUrl: string | undefined,
): RemoteRepository | undefined {
  const ordered = remotes.toSorted((a, b) => Number(b.name === "origin") - Number(a.name === "origin"));
  const repositories = ordered.map((remote) => parseRemote(remote.address)).filter((found) => found !== undefined);
  return repositories.find((repository) => repository.farmUrl === farmUrl) ?? repositories[0];
}

async function listRemotes(cwd: string): Promise<{ name: string; address: string }[]> {
  try {
    const { stdout } = await runGit(["config", "--null", "--get-regexp", "^remote\\..*\\.url$"], { cwd });
    return stdout
      .split("\0")
      .filter((entry) => entry.includes("\n"))
      .map((entry) => {
        const newline = entry.indexOf("\n");
        return { name: entry.slice("remote.".length, newline - ".url".length), address: entry.slice(newline + 1) };
      });
  } catch (error) {
    // 1: no remote; 128: not a repository
    if (error instanceof GitError && (error.gitExitCode === 1 || error.gitExitCode === 128)) return [];
    throw error;
  }
}
