import { Refusal } from "@windrow/model";
import type { Logger } from "@windrow/service";
import {
  ensureRepository,
  findRun,
  insertPushes,
  inTransaction,
  listRunJobs,
  type PushRow,
  type RefUpdate,
  type RepositoryRow,
} from "@windrow/store";
import type { IncomingPush, PushGate } from "../git/push-gate.ts";
import { writeHead } from "../git/repository-folder.ts";
import { actorOf, permissionsOf } from "../http-api/principal.ts";
import { explainWaits } from "../queue/explain-waits.ts";
import { type BuildPushDeps, buildPush } from "./build-push.ts";
import { isDeletion, readPushOptions, requireLegalUpdates } from "./check-push.ts";
import { startedLines, stuckLines } from "./push-lines.ts";
import { PUSH_WAITS_MAX, waitForRuns } from "./wait-for-runs.ts";

export interface PushGateDeps extends BuildPushDeps {
  readonly logger: Logger;
  readonly runUrl: (runId: number) => string;
}

/** What happens at a push, before and after git updates the refs. */
export function createPushGate(deps: PushGateDeps): PushGate {
  let waits = 0;

  return {
    async accept(push) {
      requireLegalUpdates(push.updates);
      const { repository, rows } = await record(push);
      deps.reader.warm(push.folder);
      return { build: (updates, say, signal) => build({ push, repository, rows, updates, say, signal }) };
    },
  };

  async function record(push: IncomingPush): Promise<{ repository: RepositoryRow; rows: PushRow[] }> {
    const defaultBranch = pickDefaultBranch(push.updates);
    const { repository, created, rows } = await inTransaction(deps.db, async (tx) => {
      const ensured = await ensureRepository(tx, {
        owner: push.owner,
        name: push.name,
        createdBy: actorOf(push.principal),
        defaultBranch,
      });
      // its removal may have come between the first look and now
      if (ensured.created && !permissionsOf(push.principal).includes("repository:create")) {
        throw new Refusal("not_found", `there is no repository ${push.owner}/${push.name} any more`);
      }
      const inserted = await insertPushes(tx, {
        repositoryId: ensured.repository.id,
        actor: actorOf(push.principal),
        ...(push.principal.kind === "job" ? { byJobId: push.principal.jobId } : {}),
        options: push.options,
        updates: push.updates,
      });
      return { ...ensured, rows: inserted };
    });
    if (created && defaultBranch !== "main") await writeHead(push.folder, defaultBranch);
    return { repository, rows };
  }

  async function build(done: {
    readonly push: IncomingPush;
    readonly repository: RepositoryRow;
    readonly rows: readonly PushRow[];
    readonly updates: readonly RefUpdate[];
    readonly say: (line: string) => void;
    readonly signal: AbortSignal;
  }): Promise<void> {
    const { push, repository, rows, say } = done;
    const options = readPushOptions(push.options);
    for (const name of options.unknown)
      say(`windrow: push option '${name}' is not known (there are wait, wait=SECONDS, skip)`);
    const runIds: number[] = [];
    for (const update of done.updates) {
      const row = rows.find((one) => one.ref === update.ref);
      if (row === undefined) continue;
      const built = await buildPush(deps, { row, repository, folder: push.folder });
      for (const line of built.notes) say(`windrow: ${line}`);
      for (const id of built.runIds) await tellStarted(id, say);
      runIds.push(...built.runIds);
    }
    const { waitMs } = options;
    if (waitMs !== undefined && runIds.length > 0) await waitOnTerminal({ runIds, waitMs, say, signal: done.signal });
  }

  async function tellStarted(runId: number, say: (line: string) => void): Promise<void> {
    const run = await findRun(deps.db, runId);
    if (run === undefined) return;
    const jobs = await listRunJobs(deps.db, { runId, runAttempt: run.attempt });
    const [head, ...more] = startedLines(run, deps.runUrl(runId));
    for (const line of [`windrow: ${head ?? ""}`, ...more, ...stuckLines(jobs, await explainWaits(deps.db, jobs))])
      say(line);
  }

  async function waitOnTerminal(wait: {
    readonly runIds: readonly number[];
    readonly waitMs: number;
    readonly say: (line: string) => void;
    readonly signal: AbortSignal;
  }): Promise<void> {
    const { runIds, say, signal } = wait;
    if (waits >= PUSH_WAITS_MAX) {
      say(`windrow: ${PUSH_WAITS_MAX} pushes wait already; follow this one with windrow run watch ${runIds.join(" ")}`);
      return;
    }
    waits += 1;
    try {
      await waitForRuns(deps, { ...wait, say: (line) => say(`windrow: ${line}`) });
      if (signal.aborted) say("windrow: the controller stops; the run goes on");
    } finally {
      waits -= 1;
    }
  }
}

/** What a clone of a new repository will check out: main, master, or the first branch that came. */
function pickDefaultBranch(updates: readonly RefUpdate[]): string {
  const branches = updates
    .filter((update) => update.ref.startsWith("refs/heads/") && !isDeletion(update))
    .map((update) => update.ref.slice("refs/heads/".length));
  return ["main", "master"].find((name) => branches.includes(name)) ?? branches[0] ?? "main";
}
