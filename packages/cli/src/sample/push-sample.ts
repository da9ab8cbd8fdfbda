import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { pushEnvironment } from "../git/push-environment.ts";
import { runGit } from "../git/run-git.ts";

export interface PushSampleOptions {
  /** The farm's address; repositories are below `/git`. */
  readonly url: string;
  readonly token: string;
  /** `owner/name` to push to; the farm makes it. */
  readonly repository: string;
  readonly signal?: AbortSignal;
}

const SAMPLE_FOLDER = fileURLToPath(new URL("../../sample", import.meta.url));
const BRANCH = "main";
/** The same commit on every machine, and a push that can be repeated. */
const COMMIT_DATE = "2026-01-01T00:00:00Z";

/** Makes a git repository of the bundled sample, pushes it as a person would, and answers the commit. Errors: GitError. */
export async function pushSample(options: PushSampleOptions): Promise<{ readonly sha: string }> {
  const work = mkdtempSync(path.join(tmpdir(), "windrow-sample-"));
  try {
    cpSync(SAMPLE_FOLDER, work, { recursive: true });
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const git = (...args: string[]) => runGit([...PLAIN, ...args], { cwd: work, environment: IDENTITY, ...signal });
    await git("init", "--quiet", `--initial-branch=${BRANCH}`);
    await git("add", "--all", "--force");
    await git("commit", "--quiet", "--message", "Count words, and test that they are counted right");
    const { stdout } = await git("rev-parse", "HEAD");
    await runGit(
      [...PLAIN, "push", "--quiet", `${options.url}/git/${options.repository}.git`, `HEAD:refs/heads/${BRANCH}`],
      {
        cwd: work,
        environment: pushEnvironment(options.url, options.token),
        ...signal,
      },
    );
    return { sha: stdout.trim() };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The person's own configuration must neither sign, nor leave files out, nor run hooks here. */
const PLAIN = ["-c", "commit.gpgSign=false", "-c", "core.hooksPath=/dev/null", "-c", "core.excludesFile=/dev/null"];
const IDENTITY = {
  GIT_AUTHOR_NAME: "Windrow",
  GIT_AUTHOR_EMAIL: "sample@windrow.invalid",
  GIT_AUTHOR_DATE: COMMIT_DATE,
  GIT_COMMITTER_NAME: "Windrow",
  GIT_COMMITTER_EMAIL: "sample@windrow.invalid",
  GIT_COMMITTER_DATE: COMMIT_DATE,
};
