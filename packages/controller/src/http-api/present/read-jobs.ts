import type { Job, JobSummary } from "@windrow/contract";
import { type Database, type JobView, listAttempts, listJobsById, listLabelCover } from "@windrow/store";
import type { WaitFacts } from "./explain-wait.ts";
import { presentJob, presentJobSummary } from "./present-job.ts";
import type { Links } from "./present-run.ts";

/** Jobs with the reason why each is not running yet. */
export async function summariseJobs(db: Database, jobs: readonly JobView[], links: Links): Promise<JobSummary[]> {
  const facts = await readWaitFacts(db, jobs);
  return jobs.map((job) => presentJobSummary(job, facts, links));
}

/** Whole jobs, by id; what is not there is left out, and so are the summaries of steps unless asked for. */
export async function readJobs(
  db: Database,
  ids: readonly number[],
  links: Links,
  options: { readonly withSummaries?: boolean } = {},
): Promise<Job[]> {
  const jobs = await listJobsById(db, ids);
  const blocked = jobs.filter((job) => job.state === "blocked");
  const needed = await listJobsById(db, [...new Set(blocked.flatMap((job) => job.needs))]);
  const [attempts, facts] = await Promise.all([
    listAttempts(
      db,
      jobs.map((job) => job.id),
      options,
    ),
    readWaitFacts(db, jobs, needed),
  ]);
  return jobs.map((job) => presentJob(job, attempts, facts, links));
}

async function readWaitFacts(
  db: Database,
  jobs: readonly JobView[],
  more: readonly JobView[] = [],
): Promise<WaitFacts> {
  const sets = jobs.flatMap((job) => (job.state === "queued" && job.label_set_id !== null ? [job.label_set_id] : []));
  const cover = await listLabelCover(db, [...new Set(sets)]);
  return {
    jobsById: new Map([...more, ...jobs].map((job) => [job.id, job])),
    coverByLabelSet: new Map(cover.map((one) => [one.label_set_id, one])),
  };
}
