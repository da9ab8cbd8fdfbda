import type { AgentId, AttemptId, LeaseId, StreamName } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

export interface LogStreamRow {
  readonly stream: StreamName;
  readonly lengthBytes: number;
  readonly lineCount: number;
  readonly sha256: string | null;
  readonly isSealed: boolean;
}

/** What is durable of an attempt's streams, by step; `system` last, since it ends with the verdict. */
export async function readStreams(db: Database, attemptId: AttemptId): Promise<LogStreamRow[]> {
  const { rows } = await sql<LogStreamRow>`
    select stream, length_bytes as "lengthBytes", line_count as "lineCount", sha256, sealed_at is not null as "isSealed"
    from log_streams where attempt_id = ${attemptId}
    order by stream = 'system', length(stream), stream`.execute(db);
  return rows;
}

export interface LogSegmentRow {
  readonly startOffset: number;
  readonly lengthBytes: number;
  readonly firstLine: number;
  readonly lineCount: number;
  readonly blobKey: string;
}

export const SEGMENTS_READ_MAX = 64;

/** The next segments of a stream that hold bytes at or after `fromOffset`, in order. */
export async function readSegments(
  db: Database,
  options: { readonly attemptId: AttemptId; readonly stream: StreamName; readonly fromOffset: number },
): Promise<LogSegmentRow[]> {
  const { rows } = await sql<LogSegmentRow>`
    select start_offset as "startOffset", length_bytes as "lengthBytes", first_line as "firstLine",
      line_count as "lineCount", blob_key as "blobKey"
    from log_segments
    where attempt_id = ${options.attemptId} and stream = ${options.stream}
      and start_offset + length_bytes > ${options.fromOffset}
    order by start_offset limit ${SEGMENTS_READ_MAX}`.execute(db);
  return rows;
}

/** True when the attempt runs and is this caller's; what opening a log asks first. */
export async function isLeaseCurrent(
  db: Database,
  lease: { attemptId: AttemptId; leaseId: LeaseId; agentId: AgentId; sessionNo: number },
): Promise<boolean> {
  const { rows } = await sql`
    select from attempts where id = ${lease.attemptId} and lease_id = ${lease.leaseId} and agent_id = ${lease.agentId}
      and session_no <= ${lease.sessionNo} and state = 'running'`.execute(db);
  return rows.length === 1;
}

/** Which of these blob keys belong to a segment; the others are orphans. */
export async function findKnownBlobKeys(db: Database, keys: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ blob_key: string }>`
    select blob_key from log_segments where blob_key = any (${keys}::text[])`.execute(db);
  return new Set(rows.map((row) => row.blob_key));
}

/** Forgets a stream's segments, because its bytes turned out to differ from what the agent sealed; it is shipped again. */
export async function restartStream(tx: Tx, attemptId: AttemptId, stream: StreamName): Promise<void> {
  // the stream's row first: a segment that is being committed holds its lock, and is then seen by the delete
  await sql`
    update log_streams set length_bytes = 0, line_count = 0, restart_count = restart_count + 1
    where attempt_id = ${attemptId} and stream = ${stream} and sealed_at is null`.execute(tx);
  await sql`
    delete from log_segments g using log_streams s
    where g.attempt_id = ${attemptId} and g.stream = ${stream}
      and s.attempt_id = g.attempt_id and s.stream = g.stream and s.sealed_at is null`.execute(tx);
}
