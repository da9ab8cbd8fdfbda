import { concludeRun, type Diagnostic, decideFailFast, type JobId } from "@windrow/model";
import {
  addRunDiagnostics,
  type CancelTarget,
  concludeRunRow,
  internLabelSets,
  type JobToQueue,
  type JobToSettle,
  labelSetKey,
  lockRun,
  queueJobs,
  type RunFacts,
  readRunJobs,
  readRunProgress,
  requestJobCancel,
  settleJobs,
  type Tx,
} from "@windrow/store";
import { decideJobReady, type JobReadyAnswer } from "@windrow/workflow";
import { createRunGraph, type GraphJob, type RunGraph } from "./run-graph.ts";
import { toPlanFacts, toRunScope } from "./run-plan-facts.ts";
import type { RunText, RunTexts } from "./run-texts.ts";

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
}

/**
 * Moves a run on as far as it goes now: fail-fast, then every blocked job whose needs are finished is queued, skipped
 * or failed, again and again until nothing changes, then the run is concluded when all its jobs are finished. Runs in
 * the transaction that made the change, under the run's lock, so that two jobs that finish at once cannot both leave
 * their dependant to the other. Idempotent.
 */
export async function advanceRun(tx: Tx, options: AdvanceOptions): Promise<Advanced> {
  const run = await lockRun(tx, options.runId);
  if (run === undefined) throw new Error(`run ${options.runId} does not exist`);
  const nothing: Advanced = { runId: run.id, queuedCount: 0, cancels: [], isConcluded: false };
  if (run.state !== "running") return nothing;
  const graph = createRunGraph(await readRunJobs(tx, run.id, run.attempt));
  const pass = createPass(run, graph);
  pass.failFast();
  if (graph.ready().length > 0) {
    const text = await options.texts.read(tx, run.id);
    for (let ready = graph.ready(); ready.length > 0; ready = graph.ready()) {
      for (const job of ready) pass.decide(job, text, options.publicUrl);
      pass.failFast();
    }
  }
  const { cancels, queuedCount } = await apply(tx, { run, graph, pass });
  return { ...nothing, queuedCount, cancels, isConcluded: await conclude(tx, run, graph) };
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
    if (found?.hasReady || found?.hasFailFast) {
      advanced.push(await advanceRun(tx, { ...options, runId }));
      continue;
    }
    const isConcluded =
      found?.openCount === 0 && (await concludeRunRow(tx, { runId, conclusion: concludeRun(found.finished) }));
    advanced.push({ runId, queuedCount: 0, cancels: [], isConcluded });
  }
  return advanced;
}

interface Pass {
  failFast(): void;
  decide(job: GraphJob, text: RunText, publicUrl: string): void;
  readonly toQueue: { readonly job: GraphJob; readonly answer: Extract<JobReadyAnswer, { kind: "run" }> }[];
  readonly toSettle: JobToSettle[];
  readonly toCancel: JobId[];
  readonly diagnostics: Diagnostic[];
}

const FAIL_FAST_REASON = "fail_fast";

function createPass(run: RunFacts, graph: RunGraph): Pass {
  const pass: Pass = { failFast, decide, toQueue: [], toSettle: [], toCancel: [], diagnostics: [] };

  function failFast(): void {
    const ids = new Set(decideFailFast(graph.jobs));
    for (const job of graph.jobs.filter((one) => ids.has(one.id) && one.state !== "finished" && !one.cancelRequested)) {
      const queuedNow = pass.toQueue.findIndex((queued) => queued.job === job);
      if (queuedNow >= 0) pass.toQueue.splice(queuedNow, 1);
      if (job.state === "leased" || job.state === "running") {
        pass.toCancel.push(job.id);
        job.cancelRequested = true;
      } else {
        pass.toSettle.push({ jobId: job.id, outcome: "cancelled", reason: FAIL_FAST_REASON });
        graph.settle(job, { state: "finished", conclusion: "cancelled" });
      }
    }
  }

  function decide(job: GraphJob, text: RunText, publicUrl: string): void {
    const definition = text.definition.jobs.find((one) => one.key === job.key);
    if (definition === undefined) throw new Error(`run ${run.id} has no job ${job.key} in its definition`);
    const answer = decideJobReady({
      scope: toRunScope(run, text.definition),
      vars: {},
      job: definition,
      matrix: job.matrix,
      jobIndex: job.matrixIndex,
      jobTotal: job.matrixTotal,
      needs: graph.needsOf(job, definition.needs),
      ancestors: graph.ancestorsOf(job),
      facts: toPlanFacts(run, { publicUrl, eventJson: text.eventJson }),
      isRunCancelled: run.cancelRequested,
      isExpanded: false,
    });
    switch (answer.kind) {
      case "call":
      case "expand":
        throw new Error(`job ${job.key} of run ${run.id} adds jobs to its run`);
      case "run":
        pass.toQueue.push({ job, answer });
        job.continueOnError = answer.continueOnError;
        graph.settle(job, { state: "queued", conclusion: null });
        return;
      case "skip": {
        const outcome = run.cancelRequested ? "cancelled" : "skipped";
        const reason = run.cancelRequested ? (run.cancelReason ?? "run_cancelled") : "condition";
        pass.toSettle.push({ jobId: job.id, outcome, reason });
        graph.settle(job, { state: "finished", conclusion: outcome });
        return;
      }
      case "fail":
        pass.diagnostics.push(answer.diagnostic);
        pass.toSettle.push({
          jobId: job.id,
          outcome: "failed",
          reason: "diagnostic",
          message: answer.diagnostic.message,
        });
        graph.settle(job, { state: "finished", conclusion: "failure" });
    }
  }

  return pass;
}

async function apply(
  tx: Tx,
  { run, graph, pass }: { readonly run: RunFacts; readonly graph: RunGraph; readonly pass: Pass },
): Promise<{ readonly queuedCount: number; readonly cancels: readonly CancelTarget[] }> {
  const sets = await internLabelSets(
    tx,
    pass.toQueue.map(({ answer }) => answer.labels),
  );
  const jobs = pass.toQueue.map(({ job, answer }): JobToQueue => {
    const labelSetId = sets.get(labelSetKey(answer.labels));
    if (labelSetId === undefined) throw new Error(`job ${job.id} has no label set`);
    const { name, timeoutMs, continueOnError } = answer;
    return { jobId: job.id, name, labelSetId, timeoutMs, continueOnError, preferredPool: run.language };
  });
  await queueJobs(tx, jobs);
  const settled = new Set(await settleJobs(tx, pass.toSettle));
  // a queued job may have been granted meanwhile, since a dispatcher does not take the run's lock
  const granted = pass.toSettle.filter((job) => !settled.has(job.jobId)).map((job) => job.jobId);
  for (const job of graph.jobs.filter((one) => granted.includes(one.id))) {
    graph.settle(job, { state: "leased", conclusion: null });
  }
  await addRunDiagnostics(tx, run.id, pass.diagnostics);
  const cancels = await requestJobCancel(tx, { jobIds: [...pass.toCancel, ...granted], reason: FAIL_FAST_REASON });
  return { queuedCount: jobs.length, cancels };
}

async function conclude(tx: Tx, run: RunFacts, graph: RunGraph): Promise<boolean> {
  const finished = graph.jobs.flatMap(({ state, conclusion, continueOnError }) =>
    state === "finished" && conclusion !== null ? [{ conclusion, continueOnError }] : [],
  );
  if (finished.length !== graph.jobs.length) return false;
  return concludeRunRow(tx, { runId: run.id, conclusion: concludeRun(finished) });
}
