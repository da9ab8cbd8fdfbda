import { type JobId, Refusal } from "@windrow/model";
import { inTransaction, lockRun, openRunAttempt, type RunJob, readRunJobs } from "@windrow/store";
import { advanceRun } from "./advance-run.ts";
import type { CancelDeps } from "./cancel-run.ts";

export interface RerunRequest {
  readonly runId: number;
  /** Everything; what did not succeed; or one job. Jobs that depend on what is run again are run again too. */
  readonly mode: "all" | "failed" | { readonly jobId: number };
  /** Who asked. */
  readonly by: string;
}

/**
 * Runs a finished run again as attempt n+1, from the same definition and commit. Throws `not_found`, or `conflict`
 * when the run is not finished or has nothing to run again.
 */
export async function rerunRun(deps: CancelDeps, request: RerunRequest): Promise<{ readonly attempt: number }> {
  const { runId, mode, by } = request;
  const { attempt, advanced } = await inTransaction(deps.db, async (tx) => {
    const run = await lockRun(tx, runId);
    if (run === undefined) throw new Refusal("not_found", `there is no run ${runId}`);
    if (run.state !== "finished") {
      throw new Refusal("conflict", `run ${runId} is not finished`, { hint: "wait for its end, or cancel it first" });
    }
    const jobs = await readRunJobs(tx, runId, run.attempt);
    const again = chooseAgain(jobs, mode);
    if (again.length === 0) throw new Refusal("conflict", `run ${runId} has no job to run again`);
    const opened = await openRunAttempt(tx, { runId, again, by });
    return {
      attempt: opened.attempt,
      advanced: await advanceRun(tx, { runId, publicUrl: deps.publicUrl(), texts: deps.texts }),
    };
  });
  deps.announcer.announce(advanced);
  return { attempt };
}

function chooseAgain(jobs: readonly RunJob[], mode: RerunRequest["mode"]): JobId[] {
  if (mode === "all") return jobs.map((job) => job.id);
  const chosen = new Set(
    jobs
      .filter((job) => (mode === "failed" ? job.conclusion !== "success" : job.id === mode.jobId))
      .map((job) => job.id),
  );
  // jobs come in the order of the file, which need not be the order of needs
  for (let before = -1; before !== chosen.size; ) {
    before = chosen.size;
    for (const job of jobs) if (job.needs.some((id) => chosen.has(id))) chosen.add(job.id);
  }
  return [...chosen];
}
