import {
  decideWaitReason,
  type Fleet,
  findCapacity,
  type WaitCode,
  type WaitingJob,
  type WaitReason,
} from "@windrow/model";
import { type Database, listQueue, type QueueFilter, type QueueRow, readFleet, readWaitingJobs } from "@windrow/store";
import { type Place, readPlaces } from "./read-places.ts";

/** A job that waits, with all that is to be told of it. */
export interface QueueEntry {
  readonly row: QueueRow;
  /** Null: it does not wait any more. */
  readonly reason: WaitReason | null;
  /** That could run it. */
  readonly pools: readonly string[];
  readonly place: Place | undefined;
}

export interface QueueQuery extends Omit<QueueFilter, "withBlocked"> {
  readonly pool?: string | undefined;
  readonly code?: WaitCode | undefined;
  readonly withBlocked: boolean;
}

/** One page looks at this many jobs at the most; whoever filters for few asks for the next page. */
const LOOKED_AT_MAX = 2_000;
const BATCH = 500;
/** Jobs that are not in the queue may have these. */
const BLOCKED_CODES: readonly WaitCode[] = ["waiting_needs", "approval", "concurrency_group", "max_parallel"];

export interface QueuePage {
  readonly entries: readonly QueueEntry[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: { readonly priority: number; readonly jobId: number } | undefined;
}

/** One page of what waits. */
export async function readQueue(db: Database, query: QueueQuery): Promise<QueuePage> {
  const fleet = await readFleet(db);
  const withBlocked = query.withBlocked || (query.code !== undefined && BLOCKED_CODES.includes(query.code));
  const isFiltered = query.pool !== undefined || query.code !== undefined;
  const found: Omit<QueueEntry, "place">[] = [];
  let { after } = query;
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; ) {
    const limit = isFiltered ? BATCH : query.limit + 1;
    const rows = await listQueue(db, { ...query, withBlocked, after, limit });
    const waiting = await readWaitingJobs(
      db,
      rows.map((row) => row.jobId),
    );
    for (const [at, row] of rows.entries()) {
      if (found.length === query.limit)
        return finish({ priority: rows[at - 1]?.priority ?? 0, jobId: rows[at - 1]?.jobId ?? 0 });
      const job = waiting.get(row.jobId);
      if (job !== undefined) add(row, job);
    }
    lookedAt += rows.length;
    const last = rows.at(-1);
    if (rows.length < limit || last === undefined) return finish(undefined);
    after = last;
    if (found.length === query.limit) break;
  }
  return finish(after);

  function add(row: QueueRow, job: WaitingJob): void {
    const reason = decideWaitReason(job, fleet);
    const pools = poolsOf(job, fleet);
    if (query.code !== undefined && reason.code !== query.code) return;
    if (query.pool !== undefined && !pools.includes(query.pool)) return;
    found.push({ row, reason, pools });
  }

  async function finish(next: QueuePage["next"]): Promise<QueuePage> {
    return { entries: await withPlaces(db, fleet, found), next };
  }
}

/** The same of one job, whatever its state. */
export async function readQueueEntry(db: Database, row: QueueRow): Promise<QueueEntry> {
  const fleet = await readFleet(db);
  const job = (await readWaitingJobs(db, [row.jobId])).get(row.jobId);
  const found =
    job === undefined
      ? { row, reason: null, pools: [] }
      : { row, reason: decideWaitReason(job, fleet), pools: poolsOf(job, fleet) };
  const [entry] = await withPlaces(db, fleet, [found]);
  return entry ?? { ...found, place: undefined };
}

function poolsOf(job: Pick<WaitingJob, "labels" | "trust">, fleet: Fleet): string[] {
  // what it asks for is not known before its needs have ended
  if (job.labels.length === 0) return [];
  const { groups, scaled } = findCapacity(job, fleet);
  return [...new Set([...groups.map(({ pool }) => pool.name), ...scaled.map((pool) => pool.name)])].sort();
}

async function withPlaces(
  db: Database,
  fleet: Fleet,
  found: readonly Omit<QueueEntry, "place">[],
): Promise<QueueEntry[]> {
  const queued = found.filter(({ row, pools }) => row.state === "queued" && pools.length > 0);
  const places = await readPlaces(
    db,
    fleet,
    queued.map(({ row }) => row.jobId),
  );
  return found.map((entry) => ({ ...entry, place: places.get(entry.row.jobId) }));
}
