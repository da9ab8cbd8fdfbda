import { join } from "node:path";
import type { ActionDefinition } from "@windrow/model";
import type { OpenJob } from "./open-job.ts";
import { readLocalAction } from "./read-local-action.ts";
import type { ActionSource } from "./step-frame.ts";

/** An action that can be run. */
export interface OpenedAction {
  readonly definition: ActionDefinition;
  /** On the machine. */
  readonly dir: string;
  /** `owner/name` and the ref as written; empty for a local one. */
  readonly repository: string;
  readonly ref: string;
  readonly isLocal: boolean;
  /** What `$/` means in it. */
  readonly source: ActionSource;
}

export type ResolvedUses =
  | { readonly kind: "action"; readonly action: OpenedAction }
  /** `docker://…`: an image to run as it is. */
  | { readonly kind: "image"; readonly image: string }
  | { readonly kind: "builtIn"; readonly repository: string; readonly ref: string }
  /** The step fails, with this sentence. */
  | { readonly kind: "refused"; readonly why: string };

const REMOTE = /^([^/@\s]+\/[^/@\s]+)(?:\/([^@\s]+))?@(\S+)$/;
/** What names an image begins so. */
export const IMAGE = "docker://";

/** Finds what `uses` names. `source` is the file that says it. */
export async function resolveUses(
  job: OpenJob,
  uses: string,
  source: ActionSource,
  signal: AbortSignal,
): Promise<ResolvedUses> {
  if (uses.startsWith(IMAGE)) return { kind: "image", image: uses.slice(IMAGE.length) };
  if (uses === "." || uses.startsWith("./")) return resolveLocal(job, uses, source);
  if (uses.startsWith("$/")) {
    return openRemote(job, { uses, ref: source.sha, path: uses.slice(2), repository: source.repository }, signal);
  }
  const [, repository, path = "", ref] = REMOTE.exec(uses) ?? [];
  if (repository === undefined || ref === undefined) {
    return { kind: "refused", why: `'${uses}' names no action: write owner/name@ref, owner/name/path@ref or ./path` };
  }
  if (path === "" && isBuiltIn(job, repository)) return { kind: "builtIn", repository: repository.toLowerCase(), ref };
  return openRemote(job, { uses, repository, path, ref }, signal);
}

export function isBuiltIn(job: OpenJob, repository: string): boolean {
  return repository.toLowerCase() === CHECKOUT || job.actions.isBuiltIn(repository);
}

export const CHECKOUT = "actions/checkout";

interface RemoteUses {
  readonly uses: string;
  readonly repository: string;
  readonly path: string;
  readonly ref: string;
}

async function openRemote(job: OpenJob, remote: RemoteUses, signal: AbortSignal): Promise<ResolvedUses> {
  const { repository, ref } = remote;
  const path = remote.path.replace(/\/+$/, "");
  if (path.split("/").includes("..")) return { kind: "refused", why: `'${remote.uses}' leads out of its repository` };
  const answer = await job.actions.open({ repository, ref, path }, signal);
  if (answer.kind === "problem") return { kind: "refused", why: answer.why };
  const { definition, dir, sha } = answer;
  return { kind: "action", action: { definition, dir, repository, ref, isLocal: false, source: { repository, sha } } };
}

function resolveLocal(job: OpenJob, uses: string, source: ActionSource): ResolvedUses {
  const path = uses.slice(1).replace(/^\/+/, "");
  if (path.split("/").includes("..")) return { kind: "refused", why: `'${uses}' leads out of the workspace` };
  const read = readLocalAction(job, path);
  if (read.kind === "refused") return { kind: "refused", why: `the action '${uses}' cannot be used: ${read.why}` };
  const dir = join(job.files.work.workspaceDir, path);
  return {
    kind: "action",
    action: { definition: read.definition, dir, repository: "", ref: "", isLocal: true, source },
  };
}
