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

/** Starts runs by hand (`workflow_dispatch`). Throws a Refusal when there is nothing that can be started so. */
export async function startRunByHand(deps: BuildPushDeps, request: StartRunRequest): Promise<number[]> {
  const repository = await findRepository(deps.db, request);
  if (repository === undefined) {
    throw new Refusal("not_found", `there is no repository ${request.owner}/${request.name}`);
  }
  const { ref, content } = await resolveRef(deps, repository, request.ref ?? repository.default_branch);
  const publicUrl = deps.publicUrl();
  const source = { repository, publicUrl, actor: request.actor, commit: content.commit, ref };
  const { runs, notes } = await prepareRuns(
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
      ...(request.workflow === undefined ? {} : { chosen: { workflow: request.workflow, always: false } }),
    },
    deps.parser,
  );
  if (runs.length === 0) {
    throw new Refusal("invalid", `nothing was started: ${notes.join("; ")}`, {
      hint: "a workflow that is started by hand has `workflow_dispatch` in its `on:`",
    });
  }
  return (await startRuns(deps, { pushId: null, runs, reason: null })) ?? [];
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
