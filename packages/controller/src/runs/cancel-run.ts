import { decideCancel, Refusal } from "@windrow/model";
import {
  type CancelTarget,
  type Database,
  findRunOfJob,
  inTransaction,
  type LockedRun,
  lockRun,
  type RunJob,
  readRunJobs,
  requestJobCancel,
  requestRunCancel,
  settleJobs,
  type Tx,
} from "@windrow/store";
import { createAdvancePass } from "./advance-pass.ts";
import { advanceRun } from "./advance-run.ts";
import type { Announcer } from "./announcer.ts";
import { leaveOutliving, mayOutlive, withInside } from "./choose-cancelled.ts";
import { createRunGraph } from "./run-graph.ts";
import type { RunTexts } from "./run-texts.ts";

export interface CancelDeps {
  readonly db: Database;
  readonly publicUrl: () => string;
  readonly texts: RunTexts;
  readonly announcer: Announcer;
}

export interface CancelRequest {
  readonly target: { readonly runId: number } | { readonly jobId: number };
  /** Who asked. */
  readonly by: string;
  readonly reason: string;
  /** A rule asks, perhaps again until it is done: that never counts as a second cancel. */
  readonly isAutomatic?: boolean;
}

/**
 * Cancels a run or one job. Jobs no agent has end at once; the others are asked to, and end with the agent's report
 * (or, if the agent is lost, cancelled). Jobs that want to run after a cancel (`always()`, `cancelled()`) are
 * left until somebody cancels a second time. Cancelling what is finished changes nothing. Throws `not_found`.
 */
export async function requestCancel(deps: CancelDeps, request: CancelRequest): Promise<void> {
  const { target } = request;
  const runId = "runId" in target ? target.runId : await findRunOfJob(deps.db, target.jobId);
  if (runId === undefined) throw new Refusal("not_found", "there is no such job");
  const { cancels, advanced } = await inTransaction(deps.db, async (tx) => {
    const run = await lockRun(tx, runId);
    if (run === undefined) throw new Refusal("not_found", `there is no run ${runId}`);
    const jobs = await readRunJobs(tx, runId, run.attempt);
    if ("runId" in target) await requestRunCancel(tx, { runId, by: request.by, reason: request.reason });
    const chosen =
      "jobId" in target
        ? await chooseJob(tx, { deps, run, jobs, jobId: target.jobId })
        : await chooseOfRun(tx, { deps, run, jobs, isAgain: run.cancelRequested && request.isAutomatic !== true });
    const asked = await cancelJobs(tx, chosen, request.reason);
    return {
      cancels: asked,
      advanced: await advanceRun(tx, { runId, publicUrl: deps.publicUrl(), texts: deps.texts }),
    };
  });
  deps.announcer.announce({ ...advanced, cancels: [...cancels, ...advanced.cancels] });
}

/** As documented, the condition of every job is judged again, and one that says yes even so is left alone. */
async function chooseOfRun(
  tx: Tx,
  choice: {
    readonly deps: CancelDeps;
    readonly run: LockedRun;
    readonly jobs: readonly RunJob[];
    readonly isAgain: boolean;
  },
): Promise<RunJob[]> {
  const { deps, run, jobs, isAgain } = choice;
  const open = jobs.filter((job) => job.state !== "finished");
  // nothing of a run that never started asks to be judged
  if (run.state === "waiting") return open;
  const text = await deps.texts.read(tx, run.id);
  const graph = createRunGraph(jobs);
  const pass = createAdvancePass(run, graph, deps.publicUrl());
  pass.readText(text, []);
  const isWanted = (job: RunJob): boolean => {
    if (!mayOutlive(text.definition, job)) return false;
    const known = graph.jobs.find((one) => one.id === job.id);
    // what its needs will say is not known while it is blocked: it is judged when they are finished
    return job.state === "blocked" || (known !== undefined && pass.isWantedAfterCancel(known));
  };
  // an open call is marked, so that what it still makes is judged as cancelled; it ends with its jobs
  return open.filter((job) => {
    const { state, kind } = job;
    return isOpenCall(job) || decideCancel({ state, kind, isWanted: isWanted(job), isAgain }) !== "leave";
  });
}

const isOpenCall = (job: RunJob): boolean => job.kind === "call" && job.state === "running";

/** One job; of a call everything inside, too. */
async function chooseJob(
  tx: Tx,
  choice: {
    readonly deps: CancelDeps;
    readonly run: LockedRun;
    readonly jobs: readonly RunJob[];
    readonly jobId: number;
  },
): Promise<RunJob[]> {
  const { deps, run, jobs, jobId } = choice;
  const open = jobs.filter((job) => job.state !== "finished");
  const chosen = open.filter((job) => job.id === jobId);
  const inside = withInside(open, chosen).filter((job) => job.id !== jobId);
  if (inside.length === 0) return chosen;
  return [...chosen, ...leaveOutliving(inside, (await deps.texts.read(tx, run.id)).definition)];
}

async function cancelJobs(tx: Tx, jobs: readonly RunJob[], reason: string): Promise<CancelTarget[]> {
  const unleased = jobs.filter((job) => job.state === "blocked" || job.state === "queued");
  const settled = await settleJobs(
    tx,
    unleased.map((job) => ({ jobId: job.id, outcome: "cancelled" as const, reason })),
  );
  // what could not be settled is with an agent by now
  const jobIds = jobs.map((job) => job.id).filter((id) => !settled.includes(id));
  return requestJobCancel(tx, { jobIds, reason });
}
