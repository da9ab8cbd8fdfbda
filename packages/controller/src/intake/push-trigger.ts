import type { PushRow, RepositoryRow } from "@windrow/store";
import type { GitEnvironment } from "../git/git-environment.ts";
import type { ReaderPool } from "../git/reader-pool.ts";
import { findPushChanges } from "./changed-paths.ts";
import { isCreation, isDeletion, isTryRef, readPushOptions } from "./check-push.ts";
import { pushDocument, refDocument } from "./event-document.ts";
import type { Trigger } from "./prepare-runs.ts";
import { type CommitContent, readWorkflowFiles } from "./read-workflow-files.ts";

interface Push {
  readonly row: PushRow;
  readonly repository: RepositoryRow;
  readonly folder: string;
}

interface PushDeps {
  readonly reader: ReaderPool;
  readonly environment: GitEnvironment;
  readonly publicUrl: () => string;
}

/** What a push means for workflows, one event after the other, or why it means nothing. */
export async function readPushTriggers(
  deps: PushDeps,
  push: Push,
): Promise<readonly [Trigger, ...Trigger[]] | { readonly nothing: string }> {
  const { row, repository, folder } = push;
  const options = readPushOptions(row.options);
  if (options.skip) return { nothing: "the push said skip" };
  if (row.byJobId !== null) return { nothing: "it was made with a job's own token" };
  if (isDeletion(row)) return readDeletion(deps, push);
  const isTry = isTryRef(row.ref);
  if (!isTry && !/^refs\/(heads|tags)\//.test(row.ref)) return { nothing: `${row.ref} is neither a branch nor a tag` };
  const content = await readWorkflowFiles(deps.reader, folder, row.afterSha);
  if (content === undefined) return { nothing: `${row.ref} does not lead to a commit` };
  const ref = isTry ? `refs/heads/${options.tryBranch ?? repository.default_branch}` : row.ref;
  const publicUrl = deps.publicUrl();
  const before = isCreation(row) || isTry ? undefined : row.beforeSha;
  const source = { repository, publicUrl, actor: row.actor, commit: content.commit, ref };
  const document = pushDocument(source, { before: row.beforeSha, after: row.afterSha });
  const trigger: Trigger = {
    event: { event: "push", ref, headMessage: isTry ? "" : content.commit.message },
    repository,
    publicUrl,
    content,
    folder,
    scope: isTry ? "try" : ref.startsWith("refs/tags/") ? "tag" : "branch",
    ref,
    beforeSha: row.beforeSha,
    actor: row.actor,
    pushId: row.id,
    document: () => document,
    ...(isTry && options.tryWorkflow !== undefined ? { chosen: { workflow: options.tryWorkflow, always: true } } : {}),
    ...(isTry
      ? {}
      : {
          changes: () =>
            findPushChanges({ environment: deps.environment, folder, ref, before, after: content.commit.sha }),
        }),
  };
  const isCreated = isCreation(row) && !isTry && mayName(content, "create");
  return isCreated ? [trigger, aboutRef(trigger, "create", refDocument(source, ref))] : [trigger];
}

/** `delete` is judged, and runs, on the default branch: the ref has no files any more. */
async function readDeletion(
  deps: PushDeps,
  { row, repository, folder }: Push,
): Promise<readonly [Trigger] | { readonly nothing: string }> {
  const nothing = { nothing: `${row.ref} was deleted, which starts nothing` };
  const ref = `refs/heads/${repository.default_branch}`;
  if (!/^refs\/(heads|tags)\//.test(row.ref) || row.ref === ref) return nothing;
  const content = await readWorkflowFiles(deps.reader, folder, ref);
  if (content === undefined || !mayName(content, "delete")) return nothing;
  const publicUrl = deps.publicUrl();
  const source = { repository, publicUrl, actor: row.actor, commit: content.commit, ref };
  const trigger: Trigger = {
    event: { event: "delete" },
    repository,
    publicUrl,
    content,
    folder,
    scope: "branch",
    ref,
    beforeSha: null,
    actor: row.actor,
    pushId: row.id,
    document: () => "",
  };
  return [aboutRef(trigger, "delete", refDocument(source, row.ref))];
}

function aboutRef(trigger: Trigger, event: "create" | "delete", document: string): Trigger {
  const { changes, chosen, ...rest } = trigger;
  return { ...rest, event: { event }, document: () => document, notesBroken: true };
}

/** Whether it is worth reading the files for an event that few of them name. */
const mayName = (content: CommitContent, event: string): boolean =>
  content.files.some((file) => file.text?.includes(event) === true);
