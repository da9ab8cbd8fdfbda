import type { AgentId, AttemptId, LeaseId, StreamName } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface NewSegment {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly agentId: AgentId;
  readonly sessionNo: number;
  readonly stream: StreamName;
  /** Must be where the stream ends so far. */
  readonly startOffset: number;
  readonly lengthBytes: number;
  readonly lineCount: number;
  readonly sha256: string;
  readonly blobKey: string;
  readonly times: readonly (readonly [offset: number, atMs: number])[];
}

/**
 * Makes stored blobs part of their streams; the answer lists the keys that were accepted. A segment is refused when
 * its attempt is not the caller's (any more), when it does not begin where its stream ends, or when the stream is
 * sealed. At most one segment of a stream per call.
 */
export async function commitSegments(db: Database, segments: readonly NewSegment[]): Promise<Set<string>> {
  const column = <T>(pick: (segment: NewSegment) => T) => segments.map(pick);
  const { rows } = await sql<{ blobKey: string }>`
    with request as (
      select * from unnest(${column((s) => s.attemptId)}::uuid[], ${column((s) => s.leaseId)}::uuid[],
        ${column((s) => s.agentId)}::uuid[], ${column((s) => s.sessionNo)}::bigint[], ${column((s) => s.stream)}::text[],
        ${column((s) => s.startOffset)}::bigint[], ${column((s) => s.lengthBytes)}::int[],
        ${column((s) => s.lineCount)}::int[], ${column((s) => s.sha256)}::text[], ${column((s) => s.blobKey)}::text[],
        ${column((s) => JSON.stringify(s.times))}::jsonb[])
        as r (attempt_id, lease_id, agent_id, session_no, stream, start_offset, length_bytes, line_count, sha256, blob_key, times)
    ),
    fenced as (
      select r.* from request r join attempts a on a.id = r.attempt_id and a.lease_id = r.lease_id
        and a.agent_id = r.agent_id and a.session_no <= r.session_no and a.state = 'running'
      where r.start_offset = 0 or exists (
        select from log_streams s where s.attempt_id = r.attempt_id and s.stream = r.stream)
    ),
    grown as (
      insert into log_streams as s (attempt_id, stream, length_bytes, line_count)
      select attempt_id, stream, length_bytes, line_count from fenced order by attempt_id, stream
      on conflict (attempt_id, stream) do update set
        length_bytes = s.length_bytes + excluded.length_bytes, line_count = s.line_count + excluded.line_count
      where s.sealed_at is null and s.length_bytes = (
        select f.start_offset from fenced f where f.attempt_id = s.attempt_id and f.stream = s.stream)
      returning s.attempt_id, s.stream, s.line_count
    )
    insert into log_segments (attempt_id, stream, start_offset, length_bytes, first_line, line_count, sha256, blob_key, times)
    select f.attempt_id, f.stream, f.start_offset, f.length_bytes, g.line_count - f.line_count, f.line_count, f.sha256,
      f.blob_key, f.times
    from fenced f join grown g using (attempt_id, stream)
    returning blob_key as "blobKey"`.execute(db);
  return new Set(rows.map((row) => row.blobKey));
}
