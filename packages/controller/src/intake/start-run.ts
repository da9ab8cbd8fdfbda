import { Refusal } from "@windrow/model";
import { findRepository, type RepositoryRow } from "@windrow/store";
import { repositoryFolder } from "../git/repository-folder.ts";
import type { BuildPushDeps } from "./build-push.ts";
import { isTryRef } from "./check-push.ts";
import { dispatchDocument, type EventSource, payloadDocument } from "./event-document.ts";
import { readPayload } from "./payload-trigger.ts";
import { prepareRuns, type Trigger } from "./prepare-runs.ts";
import { type CommitContent, readWorkflowFiles } from "./read-workflow-files.ts";
import { startRuns } from "./start-runs.ts";

export interface StartRunRequest {
  readonly owner: string;
  readonly name: string;
  /** Branch, tag or full ref; the default branch when left out. */
  readonly ref: string | undefined;
  readonly workflow: string | undefined;
  /** For `workflow_dispatch`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Another event than a start by hand, tried with its document. */
  readonly event?: { readonly name: string; readonly payload: Readonly<Record<string, unknown>> };
  readonly actor: string;
}

export interface StartedByHand {
  readonly runIds: readonly number[];
  /** Which files were not started and why, a sentence each; none when one was asked for by name. */
  readonly notes: readonly string[];
}

/**
 * Starts runs by hand (`workflow_dispatch`), or as if an event had come: the workflow named, or every one that asks for
 * it. Throws a Refusal when there is nothing that can be started so: `not_found` for a name that no workflow has,
 * `invalid` with a word on every input that is wrong.
 */
export async function startRunByHand(deps: BuildPushDeps, request: StartRunRequest): Promise<StartedByHand> {
  const repository = await requireRepository(deps, request);
  const found = await resolveRef(deps, repository, request.ref ?? repository.default_branch);
  const { event } = request;
  const common = commonOf(deps, repository, found, request);
  const source = sourceOf(common, request.actor);
  const trigger: Trigger =
    event === undefined
      ? {
          ...common,
          event: { event: "workflow_dispatch" },
          inputs: request.inputs,
          document: (workflow, inputs) => dispatchDocument(source, { workflow, inputs }),
        }
      : { ...common, ...readPayload(deps, { ...common, source, ...event }) };
  return start(deps, trigger, event?.name ?? "workflow_dispatch");
}

export interface RepositoryDispatch {
  readonly owner: string;
  readonly name: string;
  readonly eventType: string;
  readonly clientPayload: Readonly<Record<string, unknown>>;
  readonly actor: string;
}

/** `repository_dispatch`: somebody outside tells the default branch's workflows. Nobody listening is no error. */
export async function dispatchRepository(deps: BuildPushDeps, request: RepositoryDispatch): Promise<StartedByHand> {
  const repository = await requireRepository(deps, request);
  const found = await resolveRef(deps, repository, repository.default_branch);
  const common = commonOf(deps, repository, found, { ...request, workflow: undefined });
  const { eventType, clientPayload } = request;
  const payload = { action: eventType, branch: repository.default_branch, client_payload: clientPayload };
  const document = payloadDocument(sourceOf(common, request.actor), payload);
  const { runs, notes } = await prepareRuns(
    {
      ...common,
      event: { event: "repository_dispatch", action: eventType },
      document: () => document,
      title: eventType,
    },
    deps,
  );
  return { runIds: (await startRuns(deps, { pushId: null, runs, reason: null })) ?? [], notes };
}

type Found = { readonly ref: string; readonly content: CommitContent; readonly folder: string };
type CommonTrigger = Omit<Trigger, "event" | "document">;

function commonOf(
  deps: BuildPushDeps,
  repository: RepositoryRow,
  { ref, content, folder }: Found,
  request: { readonly actor: string; readonly workflow: string | undefined },
): CommonTrigger {
  return {
    repository,
    publicUrl: deps.publicUrl(),
    content,
    folder,
    scope: isTryRef(ref) ? "try" : ref.startsWith("refs/tags/") ? "tag" : "branch",
    // what is tried stands for the branch it would be merged into
    ref: isTryRef(ref) ? `refs/heads/${repository.default_branch}` : ref,
    beforeSha: null,
    actor: request.actor,
    pushId: null,
    notesBroken: true,
    ...(request.workflow === undefined ? {} : { chosen: { workflow: request.workflow, always: false } }),
  };
}

const sourceOf = ({ repository, publicUrl, content, ref }: CommonTrigger, actor: string): EventSource => ({
  repository,
  publicUrl,
  actor,
  commit: content.commit,
  ref,
});

async function start(deps: BuildPushDeps, trigger: Trigger, event: string): Promise<StartedByHand> {
  const { runs, notes, isUnknown } = await prepareRuns(trigger, deps);
  if (isUnknown) throw new Refusal("not_found", notes.join("; "), { hint: "name one of these files" });
  if (runs.length === 0) {
    throw new Refusal("invalid", `nothing was started: ${notes.join("; ")}`, { hint: hintOf(event, notes) });
  }
  return { runIds: (await startRuns(deps, { pushId: null, runs, reason: null })) ?? [], notes };
}

function hintOf(event: string, notes: readonly string[]): string {
  if (event !== "workflow_dispatch") return `a workflow that starts so has \`${event}\` in its \`on:\``;
  return notes.some((note) => /: input '/.test(note))
    ? "give inputs as name=value; their names, types and choices stand under `workflow_dispatch` in the file"
    : "a workflow that is started by hand has `workflow_dispatch` in its `on:`";
}

async function requireRepository(
  deps: BuildPushDeps,
  { owner, name }: { readonly owner: string; readonly name: string },
): Promise<RepositoryRow> {
  const repository = await findRepository(deps.db, { owner, name });
  if (repository === undefined) throw new Refusal("not_found", `there is no repository ${owner}/${name}`);
  return repository;
}

async function resolveRef(deps: BuildPushDeps, repository: RepositoryRow, wanted: string): Promise<Found> {
  const folder = repositoryFolder(deps.environment.gitDir, repository);
  const names = wanted.startsWith("refs/") ? [wanted] : [`refs/heads/${wanted}`, `refs/tags/${wanted}`];
  for (const ref of names) {
    if (!/^refs\/(heads|tags)\/[^\s~^:?*[\\]+$/.test(ref) && !isTryRef(ref)) continue;
    const content = await readWorkflowFiles(deps.reader, folder, ref);
    if (content !== undefined) return { ref, content, folder };
  }
  throw new Refusal("not_found", `${repository.owner}/${repository.name} has no branch or tag '${wanted}'`);
}
