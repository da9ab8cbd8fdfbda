import { decideWaitReason, describeRunWait, type Fleet, type WaitReason } from "@windrow/model";
import { type Database, listFirstJobs, readFleet, readWaitingJobs } from "@windrow/store";

/** What is to be told of a job before anything is known of it: by its state it needs to be looked at, or not. */
export interface JobToExplain {
  readonly id: number;
  readonly state: string;
}

/**
 * Why each of these jobs waits, by id; those that run or are finished have no reason. Everybody who says why a job waits
 * (pages, API, pushes) asks here; what is told is never older than a second.
 */
export async function explainWaits(
  db: Database,
  jobs: readonly JobToExplain[],
): Promise<ReadonlyMap<number, WaitReason>> {
  const waiting = jobs.filter((job) => job.state !== "running" && job.state !== "finished").map((job) => job.id);
  if (waiting.length === 0) return new Map();
  const [found, fleet] = await Promise.all([readWaitingJobs(db, waiting), readRecentFleet(db)]);
  return new Map([...found].map(([id, job]) => [id, decideWaitReason(job, fleet)]));
}

/** What each of these runs waits for before it begins, in a few words, by id; those that have begun are left out. */
export async function explainRuns(
  db: Database,
  runs: readonly { readonly id: number; readonly state: string }[],
): Promise<ReadonlyMap<number, string>> {
  const waiting = runs.filter((run) => run.state === "waiting").map((run) => run.id);
  const jobOfRun = await listFirstJobs(db, waiting);
  const jobs = await readWaitingJobs(db, [...jobOfRun.values()]);
  return new Map(
    [...jobOfRun].flatMap(([runId, jobId]) => {
      const job = jobs.get(jobId);
      const words = job === undefined ? null : describeRunWait(job);
      return words === null ? [] : [[runId, words]];
    }),
  );
}

/** Many who watch runs ask at the same time, and each time the whole fleet is counted: they share one answer this long. */
const FLEET_KEPT_MS = 250;
const recent = new WeakMap<Database, Promise<Fleet>>();

function readRecentFleet(db: Database): Promise<Fleet> {
  const known = recent.get(db);
  if (known !== undefined) return known;
  const reading = readFleet(db);
  recent.set(db, reading);
  setTimeout(() => recent.delete(db), FLEET_KEPT_MS).unref();
  return reading;
}
