import type { Job, JobSummary } from "@windrow/contract";
import { type Database, type JobView, listAttempts, listJobsById } from "@windrow/store";
import { explainWaits } from "../../queue/explain-waits.ts";
import { presentJob, presentJobSummary } from "./present-job.ts";
import type { Links } from "./present-run.ts";

/** Jobs with the reason why each is not running yet. */
export async function summariseJobs(db: Database, jobs: readonly JobView[], links: Links): Promise<JobSummary[]> {
  const reasons = await explainWaits(db, jobs);
  return jobs.map((job) => presentJobSummary(job, reasons.get(job.id), links));
}

/** Whole jobs, by id; what is not there is left out, and so are the summaries of steps unless asked for. */
export async function readJobs(
  db: Database,
  ids: readonly number[],
  links: Links,
  options: { readonly withSummaries?: boolean } = {},
): Promise<Job[]> {
  const jobs = await listJobsById(db, ids);
  const [attempts, reasons] = await Promise.all([
    listAttempts(
      db,
      jobs.map((job) => job.id),
      options,
    ),
    explainWaits(db, jobs),
  ]);
  return jobs.map((job) => presentJob(job, attempts, reasons.get(job.id), links));
}
