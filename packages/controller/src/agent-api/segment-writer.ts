import { createHash, randomBytes } from "node:crypto";
import type { BlobStore } from "@windrow/blobs";
import { type AgentId, type LeaseRef, Refusal, type StreamName } from "@windrow/model";
import { commitSegments, type Database, isLeaseCurrent, type NewSegment, readStreams } from "@windrow/store";
import { LogGap } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { Metrics } from "../metrics.ts";
import { type Batcher, createBatcher } from "./batcher.ts";

export interface SegmentToWrite {
  readonly lease: LeaseRef & { readonly agentId: AgentId };
  readonly stream: StreamName;
  readonly startOffset: number;
  readonly bytes: Uint8Array;
  readonly times: readonly (readonly [offset: number, atMs: number])[];
}

export interface SegmentWriter {
  /**
   * Makes bytes durable: blob first, then its fenced row. Throws a Refusal `revoked` when the lease is over, and a
   * LogGap when the stream does not end where the segment begins (an earlier call's last segment came through).
   */
  write(segment: SegmentToWrite): Promise<void>;
}

const BATCH_MAX = 100;
const QUEUE_MAX = 4_000;
const NEWLINE = 0x0a;

export function createSegmentWriter(deps: {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly watch: DatabaseWatch;
  readonly metrics: Metrics;
}): SegmentWriter {
  const rows: Batcher<NewSegment, boolean> = createBatcher({
    name: "log segments",
    batchMax: BATCH_MAX,
    queueMax: QUEUE_MAX,
    keyOf: (segment) => `${segment.attemptId}/${segment.stream}`,
    async runBatch(segments) {
      const accepted = await deps.watch.watch(() => commitSegments(deps.db, segments));
      return segments.map((segment) => accepted.has(segment.blobKey));
    },
  });

  async function explain(lease: SegmentToWrite["lease"], stream: StreamName): Promise<Error> {
    const isCurrent = await deps.watch.watch(() => isLeaseCurrent(deps.db, lease));
    const found = (await deps.watch.watch(() => readStreams(deps.db, lease.attemptId))).find(
      (one) => one.stream === stream,
    );
    if (isCurrent && found?.isSealed !== true) return new LogGap(stream, found?.lengthBytes ?? 0);
    deps.metrics.staleFence.inc();
    return new Refusal("revoked", `attempt ${lease.attemptId} is not yours any more`);
  }

  return {
    async write({ lease, stream, startOffset, bytes, times }) {
      const { attemptId } = lease;
      // a fixed number of folders: making one for each attempt costs more than writing its log
      const shard = attemptId.slice(0, 2);
      const blobKey = `log/${shard}/${attemptId}.${stream}.${startOffset}.${randomBytes(8).toString("hex")}`;
      await deps.blobs.put(blobKey, bytes);
      const isAccepted = await rows.submit({
        ...lease,
        stream,
        startOffset,
        lengthBytes: bytes.length,
        lineCount: countLines(bytes),
        sha256: createHash("sha256").update(bytes).digest("hex"),
        blobKey,
        times,
      });
      // a blob without a row is an orphan; the sweep would find it too
      if (isAccepted) return;
      await deps.blobs.delete(blobKey);
      throw await explain(lease, stream);
    },
  };
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
