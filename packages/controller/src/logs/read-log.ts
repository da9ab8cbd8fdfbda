import type { BlobStore } from "@windrow/blobs";
import type { AttemptId, StreamName } from "@windrow/model";
import { type Database, type LogStreamRow, readSegments, readStreams } from "@windrow/store";

export interface LogDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  /** Takes secrets out of what is served; the store keeps bytes as they were shipped. */
  readonly redact: (bytes: Uint8Array, attemptId: AttemptId) => Uint8Array;
}

export interface ReadLogOptions {
  readonly attemptId: AttemptId;
  readonly stream: StreamName;
  readonly fromOffset: number;
  /** Exclusive; absent: to the end of what is durable. */
  readonly toOffset?: number;
}

/** The durable bytes of a stream in order, at most one segment in memory. */
export async function* readLog(deps: LogDeps, options: ReadLogOptions): AsyncGenerator<Uint8Array> {
  const { attemptId, stream } = options;
  const toOffset = options.toOffset ?? Number.MAX_SAFE_INTEGER;
  let offset = options.fromOffset;
  while (offset < toOffset) {
    const segments = await readSegments(deps.db, { attemptId, stream, fromOffset: offset });
    if (segments.length === 0) return;
    for (const segment of segments) {
      if (segment.startOffset >= toOffset) return;
      const start = offset - segment.startOffset;
      const end = Math.min(segment.lengthBytes, toOffset - segment.startOffset);
      yield deps.redact(await deps.blobs.get(segment.blobKey, { start, end }), attemptId);
      offset = segment.startOffset + end;
    }
  }
}

/** What is durable of an attempt's streams. */
export function logStreams(deps: LogDeps, attemptId: AttemptId): Promise<LogStreamRow[]> {
  return readStreams(deps.db, attemptId);
}
