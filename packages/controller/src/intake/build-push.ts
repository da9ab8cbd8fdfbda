import type { Clock } from "@windrow/service";
import { listRuns, type NewRun, type PushRow, type RepositoryRow } from "@windrow/store";
import type { ParseWorker } from "@windrow/workflow";
import type { Actions } from "../actions/create-actions.ts";
import type { GitEnvironment } from "../git/git-environment.ts";
import type { ReaderPool } from "../git/reader-pool.ts";
import { isDeletion } from "./check-push.ts";
import { prepareRuns } from "./prepare-runs.ts";
import { readPushTriggers } from "./push-trigger.ts";
import { WORKFLOW_FILES_MAX } from "./read-workflow-files.ts";
import { readDefault, rememberDefault } from "./remember-default.ts";
import { type StartRunsDeps, startRuns } from "./start-runs.ts";

export interface BuildPushDeps extends StartRunsDeps {
  readonly clock: Clock;
  readonly reader: ReaderPool;
  readonly environment: GitEnvironment;
  readonly parser: ParseWorker;
  readonly actions: Pick<Actions, "readFile">;
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
  const triggers = await readPushTriggers(deps, push);
  if ("nothing" in triggers) {
    // what starts nothing may still change what schedules say
    if (isDefault(push) && !isDeletion(push.row)) await readDefault(deps, push.repository, push.folder);
    await startRuns(deps, { pushId: push.row.id, runs: [], reason: triggers.nothing });
    return { runIds: [], notes: [`nothing to build: ${triggers.nothing}`] };
  }
  const runs: NewRun[] = [];
  const notes: string[] = [];
  for (const trigger of triggers) {
    const prepared = await prepareRuns(trigger, deps);
    if (trigger === triggers[0]) notes.push(...prepared.notes);
    const isNews = trigger.event.event === "push" && trigger.scope === "branch" && isDefault(push);
    const head = { content: trigger.content, triggers: prepared.triggers };
    const { hasFollowers } = isNews
      ? await rememberDefault(deps, push.repository, head)
      : { hasFollowers: push.repository.has_followers && trigger.scope !== "try" };
    runs.push(...prepared.runs.map((run) => ({ ...run, hasFollowers })));
  }
  const reason = runs.length === 0 ? notes.join("; ").slice(0, 1_000) : null;
  const runIds = await startRuns(deps, { pushId: push.row.id, runs, reason });
  // somebody else was faster, the repair sweep say: what it made is what this push has made
  if (runIds === undefined) return { runIds: await listRunIds(deps, push.row.id), notes: [] };
  return { runIds, notes: runs.length > 0 ? [] : notes.map((note) => `nothing to build: ${note}`) };
}

const isDefault = ({ row, repository }: { readonly row: PushRow; readonly repository: RepositoryRow }): boolean =>
  row.ref === `refs/heads/${repository.default_branch}`;

async function listRunIds({ db }: BuildPushDeps, pushId: number): Promise<number[]> {
  const runs = await listRuns(db, { pushIds: [pushId], limit: WORKFLOW_FILES_MAX });
  return runs.map((run) => run.id).reverse();
}
