import type { AgentId, LeaseRef, StreamName } from "@windrow/model";
import type { Clock } from "@windrow/service";
import { passedThrough } from "@windrow/service";
import { LogGap, type LogTime } from "@windrow/wire";
import type { Metrics } from "../metrics.ts";
import { createSegmentGatherer } from "./gather-segment.ts";
import { SEGMENT_BYTES_MAX } from "./segment-buffers.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import type { StreamHashes } from "./stream-hashes.ts";

/** A segment is cut at its full size, after this time, or at the end of its stream. */
export const SEGMENT_AFTER_MS = 5_000;
/** One segment being written and this much more stay far below the window that the agent may fill. */
const GATHERED_BYTES_MAX = 2 * SEGMENT_BYTES_MAX;
/** Times kept for one segment; a very chatty one keeps the first ones. */
const TIMES_MAX = 4_096;

export interface StreamReceiverOptions {
  readonly lease: LeaseRef & { readonly agentId: AgentId };
  readonly stream: StreamName;
  /** What is durable already. */
  readonly offset: number;
  readonly writer: SegmentWriter;
  readonly hashes: StreamHashes;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly onDurable: (offset: number) => void | Promise<void>;
  /** The writing ended: the whole call is to end with this, also when no further chunk comes. */
  readonly onFailure: (error: Error) => void;
}

interface Chunk {
  readonly offset: number;
  readonly data: Uint8Array;
  readonly times: readonly LogTime[];
  readonly end: boolean;
}

/** One stream on its way into the store: at most one segment is being written while the next one gathers. */
export interface StreamReceiver {
  /** Takes a chunk; the answer is what of it was new. Throws a LogGap, or what ended the writing. */
  receive(chunk: Chunk): { readonly offset: number; readonly data: Uint8Array } | undefined;
  /** Resolves when there is room for more; throws what ended the writing. */
  room(signal: AbortSignal): Promise<void>;
  /** Makes everything received durable. */
  flush(): Promise<void>;
  /** What is received but not durable. */
  pending(): { readonly offset: number; readonly data: Uint8Array }[];
  close(): void;
}

export function createStreamReceiver(options: StreamReceiverOptions): StreamReceiver {
  const { lease, stream, writer, hashes, metrics, clock } = options;
  const closing = new AbortController();
  let durableOffset = options.offset;
  let nextOffset = options.offset;
  const gathered = createSegmentGatherer();
  let times: (readonly [number, number])[] = [];
  let writing: { readonly done: Promise<void>; readonly bytes: Uint8Array } | undefined;
  let isDue = false;
  let isEnded = false;
  let isTimed = false;
  let failure: Error | undefined;

  function cutWhenDue(): void {
    if (writing !== undefined || failure !== undefined || gathered.lengthBytes === 0 || !isDue) return;
    const bytes = gathered.take();
    const endOffset = durableOffset + bytes.length;
    const segment = {
      lease,
      stream,
      startOffset: durableOffset,
      bytes,
      times: times.filter(([offset]) => offset < endOffset),
    };
    times = times.filter(([offset]) => offset >= endOffset);
    // what stays belongs to the same end of stream, or is large enough itself
    isDue = gathered.lengthBytes > 0 && (isEnded || gathered.lengthBytes >= SEGMENT_BYTES_MAX);
    writing = { bytes, done: write(segment) };
  }

  async function write(segment: Parameters<SegmentWriter["write"]>[0]): Promise<void> {
    try {
      await writer.write(segment);
      hashes.add(lease.attemptId, stream, segment.startOffset, segment.bytes);
      metrics.logBytes.inc(segment.bytes.length);
      durableOffset += segment.bytes.length;
      writing = undefined;
      gathered.giveBack(segment.bytes);
      passedThrough(segment.bytes.length);
      await options.onDurable(durableOffset);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      writing = undefined;
      options.onFailure(failure);
    }
    if (gathered.lengthBytes >= SEGMENT_BYTES_MAX) isDue = true;
    cutWhenDue();
  }

  function startTimer(): void {
    if (isTimed) return;
    isTimed = true;
    void clock.sleep(SEGMENT_AFTER_MS, closing.signal).then(() => {
      isTimed = false;
      if (closing.signal.aborted) return;
      isDue = gathered.lengthBytes > 0;
      cutWhenDue();
    });
  }

  return {
    receive({ offset, data, times: chunkTimes, end }) {
      if (failure !== undefined) throw failure;
      if (offset > nextOffset) throw new LogGap(stream, nextOffset);
      const known = nextOffset - offset;
      const fresh = known < data.length ? data.subarray(known) : undefined;
      const at = nextOffset;
      if (fresh !== undefined) {
        gathered.add(fresh);
        nextOffset += fresh.length;
        for (const time of chunkTimes)
          if (times.length < TIMES_MAX && time.offset >= at) times.push([time.offset, time.atMs]);
        startTimer();
      }
      isEnded ||= end;
      if (end || gathered.lengthBytes >= SEGMENT_BYTES_MAX) isDue = gathered.lengthBytes > 0;
      cutWhenDue();
      return fresh === undefined ? undefined : { offset: at, data: fresh };
    },
    async room(signal) {
      while (failure === undefined && !signal.aborted && gathered.lengthBytes >= GATHERED_BYTES_MAX)
        await writing?.done;
      if (failure !== undefined) throw failure;
    },
    async flush() {
      while (failure === undefined && (gathered.lengthBytes > 0 || writing !== undefined)) {
        isDue = true;
        cutWhenDue();
        await writing?.done;
      }
      if (failure !== undefined) throw failure;
    },
    pending() {
      const pieces = writing === undefined ? [] : [writing.bytes];
      let offset = durableOffset;
      return [...pieces, ...gathered.pieces()].map((bytes) => {
        // a copy: the buffers are used again
        const data = Buffer.from(bytes);
        const piece = { offset, data };
        offset += data.length;
        return piece;
      });
    },
    close() {
      closing.abort();
    },
  };
}
