import type { PushRow, RepositoryRow } from "@windrow/store";
import type { GitEnvironment } from "../git/git-environment.ts";
import type { ReaderPool } from "../git/reader-pool.ts";
import { findChangedPaths } from "./changed-paths.ts";
import { isCreation, isDeletion, isTryRef, readPushOptions } from "./check-push.ts";
import { pushDocument } from "./event-document.ts";
import type { Trigger } from "./prepare-runs.ts";
import { readWorkflowFiles } from "./read-workflow-files.ts";

/** What a push means for workflows, or why it means nothing. */
export async function readPushTrigger(
  deps: { readonly reader: ReaderPool; readonly environment: GitEnvironment; readonly publicUrl: () => string },
  push: { readonly row: PushRow; readonly repository: RepositoryRow; readonly folder: string },
): Promise<Trigger | { readonly nothing: string }> {
  const { row, repository, folder } = push;
  const options = readPushOptions(row.options);
  if (options.skip) return { nothing: "the push said skip" };
  if (isDeletion(row)) return { nothing: `${row.ref} was deleted, which starts nothing` };
  const isTry = isTryRef(row.ref);
  if (!isTry && !/^refs\/(heads|tags)\//.test(row.ref)) return { nothing: `${row.ref} is neither a branch nor a tag` };
  const content = await readWorkflowFiles(deps.reader, folder, row.afterSha);
  if (content === undefined) return { nothing: `${row.ref} does not lead to a commit` };
  const ref = isTry ? `refs/heads/${options.tryBranch ?? repository.default_branch}` : row.ref;
  const publicUrl = deps.publicUrl();
  const before = isCreation(row) || isTry ? undefined : row.beforeSha;
  const source = { repository, publicUrl, actor: row.actor, commit: content.commit, ref };
  const document = pushDocument(source, { before: row.beforeSha, after: row.afterSha });
  return {
    event: { event: "push", ref, headMessage: isTry ? "" : content.commit.message },
    repository,
    publicUrl,
    content,
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
          changedPaths: () =>
            findChangedPaths({
              environment: deps.environment,
              folder,
              before,
              after: content.commit.sha,
              base: repository.default_branch,
            }),
        }),
  };
}
