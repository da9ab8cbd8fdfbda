import { concludeRun, decideFailFast } from "@windrow/model";
import {
  addRunDiagnostics,
  type CancelTarget,
  concludeRunRow,
  finishCalls,
  type GroupRef,
  holdJobs,
  internLabelSets,
  type JobToQueue,
  type LockedRun,
  labelSetKey,
  lockRun,
  queueJobs,
  readRunEntries,
  readRunJobs,
  readRunProgress,
  releaseEntries,
  requestEntries,
  requestJobCancel,
  settleJobs,
  type Tx,
} from "@windrow/store";
import type { JobRunAnswer } from "@windrow/workflow";
import { type AdvancePass, createAdvancePass } from "./advance-pass.ts";
import { leaveOutliving, withInside } from "./choose-cancelled.ts";
import { growRun } from "./grow-run.ts";
import { readContainerRules } from "./refuse-containers.ts";
import { createRunGraph, type GraphJob, type RunGraph } from "./run-graph.ts";
import type { RunTexts } from "./run-texts.ts";

export interface AdvanceOptions {
  readonly runId: number;
  readonly publicUrl: string;
  readonly texts: RunTexts;
}

/** What is to be told after the commit. */
export interface Advanced {
  readonly runId: number;
  /** Jobs that entered the queue: dispatch is to be woken. */
  readonly queuedCount: number;
  /** Attempts that are to end. */
  readonly cancels: readonly CancelTarget[];
  readonly isConcluded: boolean;
  /** Concurrency groups that were asked for or given back: they are to be decided. */
  readonly groups: readonly GroupRef[];
}

/**
 * Moves a run on as far as it goes now: fail-fast, then every blocked job whose needs are finished is queued, opened,
 * expanded, skipped or failed, and every call whose inner jobs are finished is ended, again and again until nothing
 * changes; then the run is concluded when all its jobs are finished. Runs in the transaction that made the change, under
 * the run's lock, so that two jobs that finish at once cannot both leave their dependant to the other. Idempotent.
 */
export async function advanceRun(tx: Tx, options: AdvanceOptions): Promise<Advanced> {
  const run = await lockRun(tx, options.runId);
  if (run === undefined) throw new Error(`run ${options.runId} does not exist`);
  const nothing: Advanced = { runId: run.id, queuedCount: 0, cancels: [], isConcluded: false, groups: [] };
  if (run.state === "finished") return nothing;
  const graph = createRunGraph(await readRunJobs(tx, run.id, run.attempt));
  const moved = await move(tx, run, graph, options);
  const isConcluded = await conclude(tx, run, graph);
  const released = run.hasEntries || moved.groups.length > 0 ? await releaseEntries(tx, run.id) : [];
  return { ...nothing, ...moved, isConcluded, groups: [...moved.groups, ...released] };
}

/**
 * As advanceRun for runs whose locks this transaction holds already, and mostly with nothing to do: a look at their
 * counts says whether anything can be moved on.
 */
export async function advanceLockedRuns(
  tx: Tx,
  { runIds, ...options }: Omit<AdvanceOptions, "runId"> & { readonly runIds: readonly number[] },
): Promise<Advanced[]> {
  const progress = new Map((await readRunProgress(tx, runIds)).map((one) => [one.runId, one]));
  const advanced: Advanced[] = [];
  for (const runId of [...runIds].sort((a, b) => a - b)) {
    const found = progress.get(runId);
    if (found?.hasReady || found?.hasFailFast || found?.hasEndedCall) {
      advanced.push(await advanceRun(tx, { ...options, runId }));
      continue;
    }
    const isConcluded =
      found?.openCount === 0 && (await concludeRunRow(tx, { runId, conclusion: concludeRun(found.finished) }));
    const groups = found?.hasEntries === true ? await releaseEntries(tx, runId) : [];
    advanced.push({ runId, queuedCount: 0, cancels: [], isConcluded, groups });
  }
  return advanced;
}

type Moved = Pick<Advanced, "queuedCount" | "cancels" | "groups">;

async function move(tx: Tx, run: LockedRun, graph: RunGraph, options: AdvanceOptions): Promise<Moved> {
  const cancels = await failFast(tx, run, graph, options);
  // a run that waits begins nothing; a call that a rerun goes on with ends there when its jobs are cancelled
  const listReady = (): GraphJob[] => (run.state === "waiting" ? [] : graph.ready());
  if (listReady().length === 0 && graph.endedCalls().length === 0) return { queuedCount: 0, cancels, groups: [] };
  const pass = createAdvancePass(run, graph, options.publicUrl);
  const text = await options.texts.read(tx, run.id);
  const refuseContainers = await readContainerRules(tx, { definition: text.definition, trust: run.trust });
  pass.readText(text, run.hasEntries ? await readRunEntries(tx, run.id) : [], refuseContainers);
  for (;;) {
    const calls = graph.endedCalls();
    const ready = listReady();
    if (calls.length === 0 && ready.length === 0) break;
    for (const call of calls) pass.endCall(call);
    for (const job of ready) pass.decide(job);
    await growRun(tx, run, graph, pass);
    cancels.push(...(await failFast(tx, run, graph, options, pass)));
  }
  const queuedCount = await apply(tx, run, pass);
  return { queuedCount, cancels, groups: await requestEntries(tx, pass.toRequest) };
}

const FAIL_FAST_REASON = "fail_fast";

/** Ends what a failed sibling takes with it, at once: whether an agent has it is known only to its row. */
async function failFast(
  tx: Tx,
  run: LockedRun,
  graph: RunGraph,
  options: AdvanceOptions,
  pass?: AdvancePass,
): Promise<CancelTarget[]> {
  const ids = new Set(decideFailFast(graph.jobs));
  const failed = graph.jobs.filter((job) => ids.has(job.id) && job.state !== "finished" && !job.cancelRequested);
  if (failed.length === 0) return [];
  const inside = withInside(graph.jobs, failed).filter((job) => job.state !== "finished" && !job.cancelRequested);
  const isOwn = (job: GraphJob): boolean => ids.has(job.id);
  const inner = inside.filter((job) => !isOwn(job));
  const ending =
    inner.length === 0
      ? inside
      : [...failed, ...leaveOutliving(inner, (await options.texts.read(tx, run.id)).definition)];
  if (pass !== undefined) dropQueued(pass, ending);
  const unleased = ending.filter((job) => job.state === "blocked" || job.state === "queued");
  const settled = new Set(
    await settleJobs(
      tx,
      unleased.map((job) => ({ jobId: job.id, outcome: "cancelled", reason: FAIL_FAST_REASON })),
    ),
  );
  // a queued job may have been granted meanwhile, since a dispatcher does not take the run's lock
  const held = ending.filter((job) => !settled.has(job.id));
  for (const job of ending) {
    if (settled.has(job.id)) graph.settle(job, { state: "finished", conclusion: "cancelled" });
    else job.cancelRequested = true;
  }
  return requestJobCancel(tx, { jobIds: held.map((job) => job.id), reason: FAIL_FAST_REASON });
}

function dropQueued(pass: AdvancePass, jobs: readonly GraphJob[]): void {
  for (const job of jobs) {
    const at = pass.toQueue.findIndex((queued) => queued.job === job);
    if (at >= 0) pass.toQueue.splice(at, 1);
  }
}

async function apply(tx: Tx, run: LockedRun, pass: AdvancePass): Promise<number> {
  const sets = await internLabelSets(
    tx,
    pass.toQueue.map(({ answer }) => labelsOf(answer)),
  );
  const jobs = pass.toQueue.map(({ job, answer }): JobToQueue => {
    const labelSetId = sets.get(labelSetKey(labelsOf(answer)));
    if (labelSetId === undefined) throw new Error(`job ${job.id} has no label set`);
    const { name, timeoutMs, continueOnError, failFast: isFailFast, maxParallel } = answer;
    return {
      jobId: job.id,
      name,
      labelSetId,
      timeoutMs,
      continueOnError,
      failFast: isFailFast,
      maxParallel: maxParallel !== undefined && maxParallel < job.matrixTotal ? maxParallel : null,
      exclusive: answer.environment !== undefined,
      preferredPool: run.language,
    };
  });
  await queueJobs(tx, jobs);
  await settleJobs(tx, pass.toSettle);
  await finishCalls(tx, pass.toFinish);
  await holdJobs(tx, pass.toHold);
  await addRunDiagnostics(tx, run.id, pass.diagnostics);
  return jobs.length;
}

/** `runs-on.group` asks for a pool, which every agent of it has as a label. */
function labelsOf({ labels, pool }: JobRunAnswer): readonly string[] {
  return pool === undefined ? labels : [...labels, `pool:${pool}`];
}

async function conclude(tx: Tx, run: LockedRun, graph: RunGraph): Promise<boolean> {
  const finished = graph.jobs.flatMap(({ state, conclusion, continueOnError }) =>
    state === "finished" && conclusion !== null ? [{ conclusion, continueOnError }] : [],
  );
  if (finished.length !== graph.jobs.length) return false;
  return concludeRunRow(tx, { runId: run.id, conclusion: concludeRun(finished) });
}
