import { Refusal } from "@windrow/model";
import { findRepository, type RepositoryRow } from "@windrow/store";
import { repositoryFolder } from "../git/repository-folder.ts";
import type { BuildPushDeps } from "./build-push.ts";
import { dispatchDocument } from "./event-document.ts";
import { prepareRuns } from "./prepare-runs.ts";
import { type CommitContent, readWorkflowFiles } from "./read-workflow-files.ts";
import { startRuns } from "./start-runs.ts";

export interface StartRunRequest {
  readonly owner: string;
  readonly name: string;
  /** Branch, tag or full ref; the default branch when left out. */
  readonly ref: string | undefined;
  readonly workflow: string | undefined;
  readonly inputs: Readonly<Record<string, string>>;
  readonly actor: string;
}

export interface StartedByHand {
  readonly runIds: readonly number[];
  /** Which files were not started and why, a sentence each; none when one was asked for by name. */
  readonly notes: readonly string[];
}

/**
 * Starts runs by hand (`workflow_dispatch`): the workflow named, or every one that allows it. Throws a Refusal when
 * there is nothing that can be started so: `not_found` for a name that no workflow has.
 */
export async function startRunByHand(deps: BuildPushDeps, request: StartRunRequest): Promise<StartedByHand> {
  const repository = await findRepository(deps.db, request);
  if (repository === undefined) {
    throw new Refusal("not_found", `there is no repository ${request.owner}/${request.name}`);
  }
  const { ref, content } = await resolveRef(deps, repository, request.ref ?? repository.default_branch);
  const publicUrl = deps.publicUrl();
  const source = { repository, publicUrl, actor: request.actor, commit: content.commit, ref };
  const { runs, notes, isUnknown } = await prepareRuns(
    {
      event: { event: "workflow_dispatch" },
      repository,
      publicUrl,
      content,
      scope: ref.startsWith("refs/tags/") ? "tag" : "branch",
      ref,
      beforeSha: null,
      actor: request.actor,
      pushId: null,
      document: (workflow) => dispatchDocument(source, { workflow, inputs: request.inputs }),
      notesBroken: true,
      ...(request.workflow === undefined ? {} : { chosen: { workflow: request.workflow, always: false } }),
    },
    deps.parser,
  );
  if (isUnknown) throw new Refusal("not_found", notes.join("; "), { hint: "name one of these files" });
  if (runs.length === 0) {
    throw new Refusal("invalid", `nothing was started: ${notes.join("; ")}`, {
      hint: "a workflow that is started by hand has `workflow_dispatch` in its `on:`",
    });
  }
  return { runIds: (await startRuns(deps, { pushId: null, runs, reason: null })) ?? [], notes };
}

async function resolveRef(
  deps: BuildPushDeps,
  repository: RepositoryRow,
  wanted: string,
): Promise<{ ref: string; content: CommitContent }> {
  const folder = repositoryFolder(deps.environment.gitDir, repository);
  const names = wanted.startsWith("refs/") ? [wanted] : [`refs/heads/${wanted}`, `refs/tags/${wanted}`];
  for (const ref of names) {
    if (!/^refs\/(heads|tags)\/[^\s~^:?*[\\]+$/.test(ref)) continue;
    const content = await readWorkflowFiles(deps.reader, folder, ref);
    if (content !== undefined) return { ref, content };
  }
  throw new Refusal("not_found", `${repository.owner}/${repository.name} has no branch or tag '${wanted}'`);
}
