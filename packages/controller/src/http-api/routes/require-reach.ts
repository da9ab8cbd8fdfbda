import { Refusal } from "@windrow/model";
import { type Database, findRun, type JobView, listJobsById, type RunView } from "@windrow/store";
import { mayReach, type Principal } from "../principal.ts";

/** The run, or `not_found` in the same words for one that is not there and one this token must not know of. */
export async function requireRun(db: Database, runId: number, principal: Principal): Promise<RunView> {
  const run = await findRun(db, runId);
  if (run === undefined || !mayReach(principal, run.owner)) throw new Refusal("not_found", `there is no run ${runId}`);
  return run;
}

/** The job, as requireRun. */
export async function requireJob(db: Database, jobId: number, principal: Principal): Promise<JobView> {
  const [job] = await listJobsById(db, [jobId]);
  if (job === undefined || !mayReach(principal, job.owner)) throw new Refusal("not_found", `there is no job ${jobId}`);
  return job;
}

/** The only owner whose things a list may show, or undefined for all. */
export function ownerScope(principal: Principal): string | undefined {
  return principal.kind === "user" ? (principal.owner ?? undefined) : "";
}
