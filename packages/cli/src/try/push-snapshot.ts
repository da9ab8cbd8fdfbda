import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { pushEnvironment } from "../git/push-environment.ts";
import { GitError, runGit } from "../git/run-git.ts";
import type { Snapshot } from "../git/snapshot-tree.ts";

export interface PushSnapshotOptions {
  readonly snapshot: Snapshot;
  readonly farmUrl: string;
  /** A file with the farm's authority. */
  readonly ca: string | undefined;
  readonly repository: string;
  readonly id: string;
  readonly token: string | undefined;
  readonly workflow?: string;
  /** Only brings the commit there: what it starts is asked for later. */
  readonly isSilent?: boolean;
}

/** Where a snapshot goes: it is no branch, and is deleted when nobody needs it any more. */
export function tryRef(id: string): string {
  return `refs/windrow/try/${id}`;
}

/** Pushes the snapshot into the namespace of tries; answers what the farm said. Errors: CliError with the farm's own words. */
export async function pushSnapshot(options: PushSnapshotOptions): Promise<string[]> {
  const { snapshot, farmUrl, repository, token } = options;
  const address = `${farmUrl}/git/${repository}.git`;
  try {
    const { stderr } = await runGit(pushArguments(options, address), {
      cwd: snapshot.top,
      environment: pushEnvironment(farmUrl, token, options.ca),
    });
    return remoteLines(stderr);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw pushError(error, address);
  }
}

/** Hooks of the person's repository stay out of it, and nothing of it is recorded there. */
export function pushArguments(
  options: Pick<PushSnapshotOptions, "snapshot" | "id" | "workflow" | "isSilent">,
  address: string,
): string[] {
  const { snapshot, id, workflow } = options;
  const asked = options.isSilent ? "skip" : `try=${workflow ?? ""}`;
  const branch = snapshot.branch === null ? [] : ["-o", `try-ref=${snapshot.branch}`];
  return [
    "push",
    "--no-verify",
    "--no-progress",
    "-o",
    asked,
    ...branch,
    "--",
    address,
    `${snapshot.sha}:${tryRef(id)}`,
  ];
}

/** What the farm said through git: its `remote:` lines. */
export function remoteLines(stderr: string): string[] {
  return stderr
    .split("\n")
    .filter((line) => line.startsWith("remote:"))
    .map((line) => line.slice("remote:".length).trim())
    .filter((line) => line !== "");
}

function pushError(error: GitError, address: string): CliError {
  const said = remoteLines(error.stderr);
  const text = said.length > 0 ? said.join("\n  ") : error.message;
  if (/authentication failed|could not read username|\b401\b|\b403\b/i.test(error.stderr)) {
    return new CliError(`the farm refused the push to ${address}: ${text}`, {
      code: "not_allowed",
      exitCode: EXIT.notAllowed,
      hint: "Give a token that may push with --token or WINDROW_TOKEN",
      cause: error,
    });
  }
  if (/not found|\b404\b/i.test(error.stderr)) {
    return new CliError(`${address} was not found: ${text}`, {
      code: "not_found",
      exitCode: EXIT.notFound,
      hint: "Make the repository with `windrow repo add`, or push a branch to it first",
      cause: error,
    });
  }
  return new CliError(`the push to ${address} failed: ${text}`, { code: "push_failed", cause: error });
}
