import type { Logger } from "@windrow/service";
import {
  type FollowedRun,
  findRepository,
  findRepositoryById,
  findRunsToFollow,
  inTransaction,
  isDatabaseAway,
  type NewRun,
  takeFollowedRun,
} from "@windrow/store";
import { isFolder, repositoryFolder } from "../git/repository-folder.ts";
import type { BuildPushDeps } from "./build-push.ts";
import { type EventSource, payloadDocument } from "./event-document.ts";
import { prepareRuns } from "./prepare-runs.ts";
import { readWorkflowFiles } from "./read-workflow-files.ts";
import { startRuns } from "./start-runs.ts";

/** As documented: a chain of workflows that start each other has no more than this many links. */
export const FOLLOW_DEPTH_MAX = 3;
/** What follows a run cannot be started for so long: then it is given up, or such runs would keep the others waiting. */
const FOLLOW_TRIES_MS = 10 * 60_000;

/** One pass: starts what `workflow_run` of the default branch starts for runs that ended, once for each end. */
export async function startFollowers(
  deps: BuildPushDeps & { readonly logger: Logger; readonly runUrl: (runId: number) => string },
): Promise<void> {
  for (const run of await findRunsToFollow(deps.db)) {
    try {
      const runs = run.depth < FOLLOW_DEPTH_MAX ? await prepareFollowers(deps, run) : [];
      await startRuns(deps, { pushId: null, runs, reason: null, claim: (tx) => takeFollowedRun(tx, run) });
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      deps.logger.error({ err: error, runId: run.id }, "what follows a run could not be started");
      if (run.endedForMs > FOLLOW_TRIES_MS) await inTransaction(deps.db, (tx) => takeFollowedRun(tx, run));
    }
  }
}

async function prepareFollowers(
  deps: BuildPushDeps & { readonly runUrl: (runId: number) => string },
  run: FollowedRun,
): Promise<readonly NewRun[]> {
  const repository = await findRepositoryById(deps.db, run.repositoryId);
  // of one that was deleted nothing starts, and its folder may be that of a new one of the same name
  if (repository === undefined || (await findRepository(deps.db, repository))?.id !== repository.id) return [];
  const folder = repositoryFolder(deps.environment.gitDir, repository);
  if (!(await isFolder(folder))) return [];
  const ref = `refs/heads/${repository.default_branch}`;
  const content = await readWorkflowFiles(deps.reader, folder, ref);
  if (content === undefined) return [];
  const publicUrl = deps.publicUrl();
  const source = { repository, publicUrl, actor: run.actor, commit: content.commit, ref };
  const headBranch = run.headRef === "" ? run.ref.replace(/^refs\/(?:heads|tags)\//, "") : run.headRef;
  const document = describeRun(source, run, { headBranch, url: deps.runUrl(run.id) });
  const { runs } = await prepareRuns(
    {
      event: { event: "workflow_run", action: "completed", workflow: run.workflowName, headBranch },
      repository,
      publicUrl,
      content,
      folder,
      scope: "branch",
      ref,
      beforeSha: null,
      actor: run.actor,
      pushId: null,
      notesBroken: true,
      cause: { runId: run.id, depth: run.depth + 1 },
      title: run.title,
      document: () => document,
    },
    deps,
  );
  return runs;
}

function describeRun(
  source: EventSource,
  run: FollowedRun,
  { headBranch, url }: { readonly headBranch: string; readonly url: string },
): string {
  const { workflowName: name, workflowPath: path, conclusion } = run;
  return payloadDocument(source, {
    action: "completed",
    workflow: { name, path },
    workflow_run: {
      id: run.id,
      name,
      path,
      display_title: run.title,
      event: run.eventName,
      status: "completed",
      conclusion,
      run_number: run.number,
      run_attempt: run.attempt,
      head_branch: headBranch,
      head_sha: run.sha,
      html_url: url,
      actor: { login: run.actor },
      triggering_actor: { login: run.actor },
      head_repository: { full_name: `${source.repository.owner}/${source.repository.name}` },
      pull_requests: [],
    },
  });
}
