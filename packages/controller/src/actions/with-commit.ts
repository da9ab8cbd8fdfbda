import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GitEnvironment } from "../git/git-environment.ts";
import { runGit } from "../git/run-git.ts";
import type { ActionSource } from "./find-sources.ts";
import { runLimitedGit } from "./limited-git.ts";
import { serverEnv } from "./resolve-ref.ts";

const FETCH_TIMEOUT_MS = 120_000;
/** A repository with more in one commit is no action. */
export const FETCH_PACK_BYTES_MAX = 512 * 1024 * 1024;

/** Why the commit could not be had; `complaint` is git's, for the controller's log. */
export type WithCommit<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "absent"; readonly complaint: string };

/**
 * Gives `work` a repository that has the commit: the source itself, or one that is made for it, holds this commit alone
 * and goes afterwards.
 */
export async function withCommit<T>(
  environment: GitEnvironment,
  { source, sha, scratchDir }: { readonly source: ActionSource; readonly sha: string; readonly scratchDir: string },
  work: (gitDir: string) => Promise<T>,
): Promise<WithCommit<T>> {
  if (source.kind === "folder") {
    const argv = ["cat-file", "-e", `${sha}^{commit}`];
    const found = await runGit({ environment, folder: source.gitDir, argv });
    if (found === undefined) return { kind: "absent", complaint: "there is no such commit" };
    return { kind: "done", value: await work(source.gitDir) };
  }
  const gitDir = await mkdtemp(join(scratchDir, "fetch-"));
  try {
    await makeRepository(gitDir);
    const end = await runLimitedGit({
      environment,
      gitDir,
      argv: [
        "fetch",
        ...["--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"],
        ...["--no-auto-maintenance", "source", sha],
      ],
      env: serverEnv(source.url),
      timeoutMs: FETCH_TIMEOUT_MS,
      fileBytesMax: FETCH_PACK_BYTES_MAX,
    });
    if (end.kind === "timeout") return { kind: "absent", complaint: "the fetch took too long" };
    if (end.kind === "failed") return { kind: "absent", complaint: end.complaint };
    return { kind: "done", value: await work(gitDir) };
  } finally {
    await rm(gitDir, { recursive: true, force: true });
  }
}

async function makeRepository(gitDir: string): Promise<void> {
  for (const part of ["objects/info", "objects/pack", "refs/heads", "refs/tags"]) {
    await mkdir(join(gitDir, part), { recursive: true });
  }
  await writeFile(join(gitDir, "HEAD"), "ref: refs/heads/main\n");
  await writeFile(join(gitDir, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
}
