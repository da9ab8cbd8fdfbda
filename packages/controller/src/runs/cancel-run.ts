import { Refusal } from "@windrow/model";
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
import { advanceRun } from "./advance-run.ts";
import type { Announcer } from "./announcer.ts";
import { leaveOutliving, withInside } from "./choose-cancelled.ts";
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
}

/**
 * Cancels a run or one job. Jobs no agent has end at once; the others are asked to, and end with the agent's report
 * (or, if the agent is lost, cancelled). Blocked jobs that want to run after a cancel (`always()`, `cancelled()`) stay
 * until their needs have ended. Cancelling what is finished, or twice, changes nothing. Throws `not_found`.
 */
export async function requestCancel(deps: CancelDeps, request: CancelRequest): Promise<void> {
  const { target } = request;
  const runId = "runId" in target ? target.runId : await findRunOfJob(deps.db, target.jobId);
  if (runId === undefined) throw new Refusal("not_found", "there is no such job");
  const { cancels, advanced } = await inTransaction(deps.db, async (tx) => {
    const run = await lockRun(tx, runId);
    if (run === undefined) throw new Refusal("not_found", `there is no run ${runId}`);
    const jobs = (await readRunJobs(tx, runId, run.attempt)).filter((job) => job.state !== "finished");
    if ("runId" in target) await requestRunCancel(tx, { runId, by: request.by, reason: request.reason });
    const chosen =
      "jobId" in target
        ? await chooseJob(tx, { deps, run, jobs, jobId: target.jobId })
        : await chooseOfRun(tx, { deps, run, jobs });
    const asked = await cancelJobs(tx, chosen, request.reason);
    return {
      cancels: asked,
      advanced: await advanceRun(tx, { runId, publicUrl: deps.publicUrl(), texts: deps.texts }),
    };
  });
  deps.announcer.announce({ ...advanced, cancels: [...cancels, ...advanced.cancels] });
}

async function chooseOfRun(
  tx: Tx,
  { deps, run, jobs }: { readonly deps: CancelDeps; readonly run: LockedRun; readonly jobs: readonly RunJob[] },
): Promise<RunJob[]> {
  // nothing of a run that never started asks to be judged
  if (run.state === "waiting" || !jobs.some((job) => job.state === "blocked")) return [...jobs];
  const { definition } = await deps.texts.read(tx, run.id);
  return leaveOutliving(jobs, definition);
}

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
  const chosen = jobs.filter((job) => job.id === jobId);
  const inside = withInside(jobs, chosen).filter((job) => job.id !== jobId);
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
