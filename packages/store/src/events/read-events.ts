import type { Value } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** Where a reader stands: `<xid>-<id>`. Opaque to callers but ordered as written. */
export type EventCursor = string;

export interface StoredEvent {
  readonly cursor: EventCursor;
  readonly kind: string;
  readonly at: Date;
  readonly repositoryId: number | null;
  readonly runId: number | null;
  readonly jobId: number | null;
  readonly attemptId: string | null;
  readonly agentId: string | null;
  readonly data: { readonly [name: string]: Value };
}

export interface ReadEventsOptions {
  /** Read what follows; absent: from the beginning. */
  readonly after?: EventCursor | undefined;
  readonly runId?: number | undefined;
  readonly limit?: number;
}

export const EVENTS_READ_MAX = 500;
const CURSOR = /^(\d{1,20})-(\d{1,19})$/;

export function isEventCursor(text: string): boolean {
  return CURSOR.test(text);
}

/**
 * Events after a cursor in the order (transaction, id). Only rows of transactions below the oldest one still running
 * are returned: a row that commits late can then never appear before a row that a reader has already passed.
 */
export async function readEvents(db: Database, options: ReadEventsOptions): Promise<StoredEvent[]> {
  const [, xid = "0", id = "0"] = CURSOR.exec(options.after ?? "0-0") ?? [];
  const ofRun = options.runId === undefined ? sql`` : sql`and e.run_id = ${options.runId}`;
  const { rows } = await sql<Omit<StoredEvent, "cursor"> & { xid: string; id: number }>`
    select e.xid::text, e.id, e.kind, e.at, e.repository_id as "repositoryId", e.run_id as "runId",
      e.job_id as "jobId", e.attempt_id as "attemptId", e.agent_id as "agentId", e.data
    from events e
    where (e.xid, e.id) > (${xid}::xid8, ${id}::bigint) and e.xid < pg_snapshot_xmin(pg_current_snapshot()) ${ofRun}
    order by e.xid, e.id
    limit ${Math.min(options.limit ?? EVENTS_READ_MAX, EVENTS_READ_MAX)}`.execute(db);
  return rows.map(({ xid: rowXid, id: rowId, ...event }) => ({ cursor: `${rowXid}-${rowId}`, ...event }));
}

/** A cursor behind everything that is readable now: for readers that only want what comes. */
export async function readEventsEnd(db: Database): Promise<EventCursor> {
  const { rows } = await sql<{ xid: string }>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as xid`.execute(db);
  return `${rows[0]?.xid ?? 0}-0`;
}
