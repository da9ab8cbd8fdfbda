import type { Clock } from "@windrow/service";
import { listRuns, type PushRow, type RepositoryRow, setLanguage } from "@windrow/store";
import { detectLanguage, type ParseWorker } from "@windrow/workflow";
import type { GitEnvironment } from "../git/git-environment.ts";
import type { ReaderPool } from "../git/reader-pool.ts";
import { prepareRuns } from "./prepare-runs.ts";
import { readPushTrigger } from "./push-trigger.ts";
import { WORKFLOW_FILES_MAX } from "./read-workflow-files.ts";
import { type StartRunsDeps, startRuns } from "./start-runs.ts";

export interface BuildPushDeps extends StartRunsDeps {
  readonly clock: Clock;
  readonly reader: ReaderPool;
  readonly environment: GitEnvironment;
  readonly parser: ParseWorker;
}

export interface BuiltPush {
  readonly runIds: readonly number[];
  /** Why nothing, or not everything, was started. */
  readonly notes: readonly string[];
}

/** Makes the runs of one ref update that git has made. Doing it again, also at the same time elsewhere, makes nothing. */
export async function buildPush(
  deps: BuildPushDeps,
  push: { readonly row: PushRow; readonly repository: RepositoryRow; readonly folder: string },
): Promise<BuiltPush> {
  const trigger = await readPushTrigger(deps, push);
  if ("nothing" in trigger) {
    await startRuns(deps, { pushId: push.row.id, runs: [], reason: trigger.nothing });
    return { runIds: [], notes: [`nothing to build: ${trigger.nothing}`] };
  }
  if (push.row.ref === `refs/heads/${push.repository.default_branch}`) {
    const language = detectLanguage(trigger.content.rootNames) ?? null;
    if (language !== push.repository.language)
      await setLanguage(deps.db, { repositoryId: push.repository.id, language });
  }
  const { runs, notes } = await prepareRuns(trigger, deps.parser);
  const reason = runs.length === 0 ? notes.join("; ").slice(0, 1_000) : null;
  const runIds = await startRuns(deps, { pushId: push.row.id, runs, reason });
  // somebody else was faster, the repair sweep say: what it made is what this push has made
  if (runIds === undefined) return { runIds: await listRunIds(deps, push.row.id), notes: [] };
  return { runIds, notes: runs.length > 0 ? [] : notes.map((note) => `nothing to build: ${note}`) };
}

async function listRunIds({ db }: BuildPushDeps, pushId: number): Promise<number[]> {
  const runs = await listRuns(db, { pushIds: [pushId], limit: WORKFLOW_FILES_MAX });
  return runs.map((run) => run.id).reverse();
}
