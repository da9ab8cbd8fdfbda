import {
  asJobId,
  estimateStarts,
  type Fleet,
  findCapacity,
  type JobId,
  rankQueue,
  type StartEstimate,
  type Trust,
} from "@windrow/model";
import {
  type Database,
  jobKindKey,
  type OpenWork,
  type RankedJob,
  readDurations,
  readOpenWork,
  readRankedJobs,
  readShares,
} from "@windrow/store";

/** Where a job stands among those that wait for the same agents, and when it may start. */
export interface Place {
  /** From 1. */
  readonly place: number;
  readonly ofCount: number;
  /** Or a sentence that says why there is none. */
  readonly estimate: StartEstimate | string;
}

/** Each kind of agents is played through for itself; a list that shows more of them gives the others no estimate. */
const LINES_ESTIMATED_MAX = 4;
const TOO_MANY_LINES = "this list has too many kinds of jobs for that: ask for this one alone";
const NO_DURATIONS: readonly number[] = [];

/**
 * Places of queued jobs in the order in which dispatch grants. Jobs that could not be granted now (held, tried again
 * later), and those far behind, have none.
 */
export async function readPlaces(
  db: Database,
  fleet: Fleet,
  jobIds: readonly number[],
): Promise<ReadonlyMap<number, Place>> {
  if (jobIds.length === 0) return new Map();
  const ranked = await readRanked(db);
  const wanted = new Set(jobIds);
  const open = await readOpenWork(db);
  const reachOf = rememberReach(fleet);
  const lines = new Map<string, readonly RankedJob[]>();
  for (const job of ranked) {
    const key = lineKey(job);
    if (!wanted.has(job.jobId) || lines.has(key)) continue;
    const own = reachOf(job);
    lines.set(
      key,
      ranked.filter((other) => [...reachOf(other)].some((one) => own.has(one))),
    );
  }
  const kinds = [...new Map([...lines.values()].flat().map((job) => [jobKindKey(job), job])).values()];
  const durations = await readDurations(db, [...open, ...kinds]);
  const places = new Map<number, Place>();
  const estimates = new Map<string, ReturnType<typeof estimateStarts>>();
  for (const line of lines.values()) {
    for (const [at, job] of line.entries()) {
      if (!wanted.has(job.jobId) || places.has(job.jobId)) continue;
      const key = lineKey(job);
      if (lines.get(key) !== line) continue;
      const isPlayed = estimates.has(key) || estimates.size < LINES_ESTIMATED_MAX;
      const starts = estimates.get(key) ?? (isPlayed ? estimateLine({ job, line, fleet, open, durations }) : []);
      if (isPlayed) estimates.set(key, starts);
      places.set(job.jobId, { place: at + 1, ofCount: line.length, estimate: starts[at] ?? TOO_MANY_LINES });
    }
  }
  return places;
}

async function readRanked(db: Database): Promise<RankedJob[]> {
  const jobs = await readRankedJobs(db);
  const shares = await readShares(db, [...new Set(jobs.map((job) => job.repositoryId))]);
  const byId = new Map<JobId, RankedJob>(jobs.map((job) => [asJobId(job.jobId), job]));
  return rankQueue(jobs, shares).flatMap((id) => byId.get(id) ?? []);
}

/** Jobs with the same labels and trust wait in the same line. */
const lineKey = ({ labels, trust }: { readonly labels: readonly string[]; readonly trust: Trust }): string =>
  `${trust} ${labels.join("\n")}`;

/** What a job could run on, as words that two jobs share when they wait for the same: groups of agents, scaled pools. */
function rememberReach(fleet: Fleet): (job: RankedJob) => ReadonlySet<string> {
  const known = new Map<string, ReadonlySet<string>>();
  return (job) => {
    const key = lineKey(job);
    const found = known.get(key);
    if (found !== undefined) return found;
    const { groups, scaled } = findCapacity(job, fleet);
    const reach = new Set([
      ...groups.map(({ group }) => `${group.pool} ${group.labels.join(" ")}`),
      ...scaled.map((pool) => `pool ${pool.name}`),
    ]);
    known.set(key, reach);
    return reach;
  };
}

function estimateLine({
  job,
  line,
  fleet,
  open,
  durations,
}: {
  readonly job: RankedJob;
  readonly line: readonly RankedJob[];
  readonly fleet: Fleet;
  readonly open: readonly OpenWork[];
  readonly durations: ReadonlyMap<string, readonly number[]>;
}) {
  const groups = findCapacity(job, fleet).groups.filter(({ pool }) => pool.paused === null);
  const pools = new Set(groups.map(({ pool }) => pool.name));
  const running = open.filter(
    (work) => pools.has(work.pool) && job.labels.every((label) => work.agentLabels.includes(label)),
  );
  return estimateStarts({
    running: running.map((work) => ({
      elapsedMs: work.elapsedMs,
      durationsMs: durations.get(jobKindKey(work)) ?? NO_DURATIONS,
    })),
    freeSlots: groups.reduce((sum, { group }) => sum + group.freeSlots, 0),
    queue: line.map((waiting) => ({ durationsMs: durations.get(jobKindKey(waiting)) ?? NO_DURATIONS })),
    // the same question has the same answer, as long as nothing changes
    seed: job.jobId,
  });
}
