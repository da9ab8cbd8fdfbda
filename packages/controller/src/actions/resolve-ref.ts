import type { Readable } from "node:stream";
import type { GitEnvironment } from "../git/git-environment.ts";
import { runGit } from "../git/run-git.ts";
import { isCommit } from "./action-rules.ts";
import type { ActionSource } from "./find-sources.ts";
import { runLimitedGit } from "./limited-git.ts";

/** `absent`: the source was asked and has no such ref; `away`: it could not be asked, or has no such repository. */
export type ResolvedRef =
  | { readonly kind: "commit"; readonly sha: string }
  | { readonly kind: "absent" }
  | { readonly kind: "away"; readonly complaint: string };

const LIST_TIMEOUT_MS = 30_000;
const LIST_BYTES_MAX = 64 * 1024;
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Which commit a branch, tag or commit id is at a source. A tag wins over a branch of the same name, as in git. */
export function resolveRef(environment: GitEnvironment, source: ActionSource, ref: string): Promise<ResolvedRef> {
  return source.kind === "folder"
    ? resolveInFolder(environment, source.gitDir, ref)
    : askServer(environment, source, ref);
}

async function resolveInFolder(environment: GitEnvironment, gitDir: string, ref: string): Promise<ResolvedRef> {
  const names = isCommit(ref)
    ? [ref.toLowerCase()]
    : namesOf(ref, ["refs/tags/", "refs/heads/", "refs/remotes/origin/"]);
  for (const name of names) {
    const argv = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
    const printed = await runGit({ environment, folder: gitDir, argv });
    const sha = printed?.trim();
    if (sha !== undefined && isCommit(sha)) return { kind: "commit", sha };
  }
  return { kind: "absent" };
}

/** A commit id is taken as it is: only a fetch tells whether the server has it. */
async function askServer(
  environment: GitEnvironment,
  source: ActionSource & { readonly kind: "server" },
  ref: string,
): Promise<ResolvedRef> {
  if (isCommit(ref)) return { kind: "commit", sha: ref.toLowerCase() };
  const names = namesOf(ref, ["refs/tags/", "refs/heads/"]);
  let printed = "";
  const end = await runLimitedGit({
    environment,
    gitDir: environment.emptyRepository,
    argv: ["ls-remote", "--quiet", "source", ...names.flatMap((name) => [name, `${name}^{}`])],
    env: serverEnv(source.url),
    timeoutMs: LIST_TIMEOUT_MS,
    fileBytesMax: FILE_BYTES_MAX,
    onOutput: async (output: Readable) => {
      for await (const chunk of output.setEncoding("utf8")) {
        printed += String(chunk);
        if (printed.length > LIST_BYTES_MAX)
          throw new Error(`a server lists more than ${LIST_BYTES_MAX} bytes of refs`);
      }
    },
  });
  if (end.kind === "timeout") return { kind: "away", complaint: "it did not answer in time" };
  if (end.kind === "failed") return { kind: "away", complaint: end.complaint };
  const listed = new Map(
    printed.split("\n").flatMap((line): [string, string][] => {
      const [sha = "", name = ""] = line.split("\t");
      return isCommit(sha) ? [[name, sha]] : [];
    }),
  );
  for (const name of names) {
    // an annotated tag stands there twice; the second is the commit
    const sha = listed.get(`${name}^{}`) ?? listed.get(name);
    if (sha !== undefined) return { kind: "commit", sha };
  }
  return { kind: "absent" };
}

const namesOf = (ref: string, prefixes: readonly string[]): string[] =>
  ref.startsWith("refs/") ? [ref] : prefixes.map((prefix) => `${prefix}${ref}`);

/** The address goes by the environment, so that no process list shows a password in it. */
export function serverEnv(url: string): Record<string, string> {
  return {
    GIT_ALLOW_PROTOCOL: "http:https",
    GIT_CONFIG_COUNT: "4",
    GIT_CONFIG_KEY_0: "remote.source.url",
    GIT_CONFIG_VALUE_0: url,
    GIT_CONFIG_KEY_1: "http.followRedirects",
    GIT_CONFIG_VALUE_1: "initial",
    GIT_CONFIG_KEY_2: "http.lowSpeedLimit",
    GIT_CONFIG_VALUE_2: "1000",
    GIT_CONFIG_KEY_3: "http.lowSpeedTime",
    GIT_CONFIG_VALUE_3: "20",
    GIT_ASKPASS: "/bin/false",
  };
}
