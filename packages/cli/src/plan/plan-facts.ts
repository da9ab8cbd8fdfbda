import path from "node:path";
import type { RunFacts } from "@windrow/workflow";
import { CliError } from "../cli-error.ts";
import { currentBranch } from "../git/current-branch.ts";
import { runGit } from "../git/run-git.ts";
import { makeDocument } from "./make-document.ts";
import { type Payload, payloadText } from "./plan-payload.ts";

export interface PlanFactsRequest {
  readonly cwd: string;
  /** Root of the repository. */
  readonly root: string;
  readonly event: string;
  readonly ref: string | undefined;
  readonly payload: Payload | undefined;
  /** `owner/name`, where something says it. */
  readonly repository: string | undefined;
  readonly actor: string;
  readonly publicUrl: string;
  readonly workflow: { readonly path: string; readonly name: string | undefined };
  readonly inputs: Readonly<Record<string, string>>;
}

/** What a run knows of itself, and the message of its commit where that is here. */
export type PlanFacts = RunFacts & { readonly headMessage?: string };

const NO_SHA = "0".repeat(40);

/** What a run would know of itself: from the payload, else from the repository here, else made up in the usual shape. */
export async function planFacts(request: PlanFactsRequest): Promise<PlanFacts> {
  const { event, payload = {}, workflow, publicUrl } = request;
  const head = await readHead(request.cwd);
  const branch = (await currentBranch(request.cwd).catch(ignoreMissingGit)) ?? "main";
  const repository =
    payloadText(payload, "repository", "full_name") ?? request.repository ?? `local/${path.basename(request.root)}`;
  const defaultBranch = payloadText(payload, "repository", "default_branch") ?? "main";
  const isPullRequest = event.startsWith("pull_request");
  const number = payloadText(payload, "number") ?? payloadText(payload, "pull_request", "number") ?? "1";
  const given = request.ref ?? payloadText(payload, "ref");
  const ref =
    given !== undefined ? fullRef(given) : isPullRequest ? `refs/pull/${number}/merge` : `refs/heads/${branch}`;
  const sha = payloadText(payload, "after") ?? payloadText(payload, "pull_request", "head", "sha") ?? head.sha;
  const actor = payloadText(payload, "sender", "login") ?? request.actor;
  const place = { event, actor, ref, sha, repository, defaultBranch, branch, message: head.message };
  const document = request.payload ?? makeDocument({ ...place, workflowPath: workflow.path, inputs: request.inputs });
  return {
    repository,
    sha,
    ref,
    runId: 1,
    runNumber: 1,
    runAttempt: 1,
    workflowName: workflow.name ?? workflow.path,
    workflowPath: workflow.path,
    eventName: event,
    actor,
    triggeringActor: actor,
    headRef: "",
    baseRef: "",
    eventDigest: "",
    eventJson: JSON.stringify(document),
    trust: isFork(payload) ? "untrusted" : "trusted",
    defaultBranch,
    publicUrl,
    ...(sha === head.sha && { headMessage: head.message }),
  };
}

function fullRef(ref: string): string {
  return ref.startsWith("refs/") ? ref : `refs/heads/${ref}`;
}

function isFork(payload: Payload): boolean {
  const head = payloadText(payload, "pull_request", "head", "repo", "full_name");
  const base = payloadText(payload, "pull_request", "base", "repo", "full_name");
  return head !== undefined && base !== undefined && head !== base;
}

async function readHead(cwd: string): Promise<{ sha: string; message: string }> {
  const read = await runGit(["log", "-1", "--format=%H%n%B"], { cwd }).catch(ignoreMissingGit);
  const [sha = NO_SHA, ...message] = read?.stdout.trimEnd().split("\n") ?? [];
  return { sha, message: message.join("\n") };
}

/** Outside a repository, or without git, the usual values stand in. */
function ignoreMissingGit(error: unknown): undefined {
  if (error instanceof CliError) return undefined;
  throw error;
}
