import { decideWaitReason, type Fleet, type WaitReason } from "@windrow/model";
import { type Database, readFleet, readWaitingJobs, type Tx } from "@windrow/store";

/** What is to be told of a job before anything is known of it: by its state it needs to be looked at, or not. */
export interface JobToExplain {
  readonly id: number;
  readonly state: string;
}

/**
 * Why each of these jobs waits, by id; those that run or are finished have no reason. Everybody who says why a job waits
 * (pages, API, pushes, the queue) asks here, and gets it as it is now.
 */
export async function explainWaits(
  db: Database | Tx,
  jobs: readonly JobToExplain[],
): Promise<ReadonlyMap<number, WaitReason>> {
  const waiting = jobs.filter((job) => job.state !== "running" && job.state !== "finished").map((job) => job.id);
  if (waiting.length === 0) return new Map();
  return explainWaitsWith(db, waiting, await readFleet(db));
}

/** The same with what is known of the fleet already. */
export async function explainWaitsWith(
  db: Database | Tx,
  jobIds: readonly number[],
  fleet: Fleet,
): Promise<ReadonlyMap<number, WaitReason>> {
  const jobs = await readWaitingJobs(db, jobIds);
  return new Map([...jobs].map(([id, job]) => [id, decideWaitReason(job, fleet)]));
}
