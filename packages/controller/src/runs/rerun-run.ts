import { decideRerun, Refusal, type RerunMode } from "@windrow/model";
import {
  inTransaction,
  type LockedRun,
  lockRun,
  openRunAttempt,
  type RunJob,
  readRunJobs,
  type Tx,
} from "@windrow/store";
import { advanceRun } from "./advance-run.ts";
import { askForStart, asksForStart } from "./ask-for-start.ts";
import type { CancelDeps } from "./cancel-run.ts";
import { findJobDefinition } from "./job-path.ts";
import type { RunText } from "./run-texts.ts";

export interface RerunRequest {
  readonly runId: number;
  /** Everything; what did not succeed; or one job. Jobs that depend on what is run again are run again too. */
  readonly mode: RerunMode;
  /** Who asked. */
  readonly by: string;
}

/**
 * Runs a finished run again as attempt n+1, from the same definition, commit, inputs and actions. Throws `not_found`, or
 * `conflict` when the run is not finished or has nothing to run again.
 */
export async function rerunRun(deps: CancelDeps, request: RerunRequest): Promise<{ readonly attempt: number }> {
  const { runId } = request;
  const { attempt, advanced } = await inTransaction(deps.db, async (tx) => {
    const run = await lockRun(tx, runId);
    if (run === undefined) throw new Refusal("not_found", `there is no run ${runId}`);
    if (run.state !== "finished") {
      throw new Refusal("conflict", `run ${runId} is not finished`, { hint: "wait for its end, or cancel it first" });
    }
    const jobs = await readRunJobs(tx, runId, run.attempt);
    if (jobs.length === 0) throw new Refusal("conflict", `run ${runId} has no job to run again`);
    const text = await deps.texts.read(tx, runId);
    const opened = await open(tx, { run, jobs, text, request });
    const groups = asksForStart(text) ? await askAgain(tx, deps, { runId, text }) : [];
    const moved = await advanceRun(tx, { runId, publicUrl: deps.publicUrl(), texts: deps.texts });
    return { attempt: opened.attempt, advanced: { ...moved, groups: [...groups, ...moved.groups] } };
  });
  deps.announcer.announce(advanced);
  return { attempt };
}

async function open(
  tx: Tx,
  rerun: {
    readonly run: LockedRun;
    readonly jobs: readonly RunJob[];
    readonly text: RunText;
    readonly request: RerunRequest;
  },
): Promise<{ readonly attempt: number }> {
  const { run, jobs, text, request } = rerun;
  const { definition } = text;
  const known = jobs.map((job) => ({
    ...job,
    isComputed: findJobDefinition(definition, job.key).matrixTemplate !== undefined,
  }));
  const decision = decideRerun(known, request.mode);
  if (decision.again.length === 0) throw new Refusal("conflict", `run ${run.id} has no job to run again`);
  return openRunAttempt(tx, {
    runId: run.id,
    jobs: decision,
    by: request.by,
    isHeld: definition.concurrency !== undefined,
  });
}

async function askAgain(tx: Tx, deps: CancelDeps, { runId, text }: { readonly runId: number; readonly text: RunText }) {
  const run = await lockRun(tx, runId);
  return run === undefined ? [] : askForStart(tx, { run, text, publicUrl: deps.publicUrl() });
}
