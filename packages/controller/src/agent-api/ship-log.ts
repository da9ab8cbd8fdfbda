import type { BlobStore } from "@windrow/blobs";
import { type AttemptId, type LeaseRef, Refusal, type StreamName } from "@windrow/model";
import type { Clock, Logger } from "@windrow/service";
import { type Database, type LogLease, type OpenLog, readOpenLogs } from "@windrow/store";
import type { AgentCaller, LogAck, LogMessage } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { LiveLogs } from "../logs/live-logs.ts";
import type { Metrics } from "../metrics.ts";
import { type Batcher, createBatcher } from "./batcher.ts";
import { endReading } from "./end-reading.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import type { StreamHashes } from "./stream-hashes.ts";
import { createStreamReceiver, type StreamReceiver } from "./stream-receiver.ts";

export interface ShipDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly watch: DatabaseWatch;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly hashes: StreamHashes;
  readonly live: LiveLogs;
  readonly writer: SegmentWriter;
}

/** Streams of one attempt: its steps and `system`. */
const STREAMS_MAX = 10_001;
const BATCH_MAX = 100;
const QUEUE_MAX = 4_000;

/** Receives one attempt's log: chunks are gathered into segments, and acknowledged when a segment is durable. */
export function createShipLog(deps: ShipDeps) {
  const opener: Batcher<LogLease, OpenLog | "revoked"> = createBatcher({
    name: "logs to open",
    batchMax: BATCH_MAX,
    queueMax: QUEUE_MAX,
    keyOf: (lease) => lease.attemptId,
    async runBatch(leases) {
      const open = await deps.watch.watch(() => readOpenLogs(deps.db, leases));
      const byId = new Map(open.map((one) => [one.attemptId, one]));
      return leases.map((lease) => byId.get(lease.attemptId) ?? "revoked");
    },
  });
  /** Calls that broke and still write what they received: a new call of the same attempt begins after them. */
  const ending = new Map<AttemptId, Promise<void>>();

  /** Bytes that arrived are facts, though their connection is gone; for an agent that died they are the end of its log. */
  function flushLate(attemptId: AttemptId, log: AttemptLog): Promise<void> {
    const flushed = log
      .flush()
      .catch((error: unknown) =>
        deps.logger.debug({ err: error, attemptId }, "the end of a broken log call was not kept"),
      )
      .then(() => {
        log.close();
        if (ending.get(attemptId) === flushed) ending.delete(attemptId);
      });
    ending.set(attemptId, flushed);
    return flushed;
  }

  return async (
    caller: AgentCaller,
    messages: AsyncIterable<LogMessage>,
    send: (ack: LogAck) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<void> => {
    let log: AttemptLog | undefined;
    let attemptId: AttemptId | undefined;
    const failure = createFailure();
    const iterator = messages[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value: message } = await failure.orElse(iterator.next());
        if (done === true) break;
        if (log === undefined) {
          if (message.kind !== "open") throw new Refusal("invalid", "a log begins with its lease");
          const lease = { ...message.lease, agentId: caller.agentId };
          attemptId = lease.attemptId;
          await ending.get(attemptId);
          log = await openAttemptLog({ ...deps, opener }, { lease, send, signal, onFailure: failure.fail });
          continue;
        }
        if (message.kind !== "chunk") throw new Refusal("invalid", "a log is opened once");
        await log.receive(message);
      }
      await log?.flush();
      log?.close();
    } catch (error) {
      if (log !== undefined && attemptId !== undefined) void flushLate(attemptId, log);
      throw error;
    } finally {
      endReading(iterator);
    }
  };
}

/**
 * Ends a wait when something else failed. Not a race with one promise that lives as long as the call: every race would
 * stay with that promise, and so every chunk of the log in memory.
 */
function createFailure() {
  let failure: Error | undefined;
  let rejectWait: ((error: Error) => void) | undefined;
  return {
    fail(error: Error): void {
      failure ??= error;
      rejectWait?.(failure);
    },
    orElse<T>(wait: Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        rejectWait = reject;
        wait.then(resolve, reject);
        if (failure !== undefined) reject(failure);
      });
    },
  };
}

interface AttemptLog {
  /** Resolves when more may come. */
  receive(chunk: Extract<LogMessage, { kind: "chunk" }>): Promise<void>;
  /** Makes everything received durable. */
  flush(): Promise<void>;
  close(): void;
}

async function openAttemptLog(
  deps: ShipDeps & { readonly opener: Batcher<LogLease, OpenLog | "revoked"> },
  options: {
    readonly lease: LeaseRef & { readonly agentId: AgentCaller["agentId"] };
    readonly send: (ack: LogAck) => void | Promise<void>;
    readonly signal: AbortSignal;
    readonly onFailure: (error: Error) => void;
  },
): Promise<AttemptLog> {
  const { lease, send, signal, onFailure } = options;
  const opened = await deps.opener.submit(lease);
  if (opened === "revoked") {
    deps.metrics.staleFence.inc();
    throw new Refusal("revoked", `attempt ${lease.attemptId} is not yours any more`);
  }
  const receivers = new Map<StreamName, StreamReceiver>();
  for (const { stream, lengthBytes } of opened.streams) {
    receivers.set(stream, open(stream, lengthBytes));
    await send({ stream, offset: lengthBytes });
  }
  const release = deps.live.holdPending(lease.attemptId, () =>
    [...receivers].flatMap(([stream, receiver]) => receiver.pending().map((piece) => ({ stream, ...piece }))),
  );

  function open(stream: StreamName, offset: number): StreamReceiver {
    return createStreamReceiver({
      ...deps,
      lease,
      stream,
      offset,
      onFailure,
      onDurable: (durableOffset) => send({ stream, offset: durableOffset }),
    });
  }

  return {
    async receive({ stream, offset, data, times, end }) {
      let receiver = receivers.get(stream);
      if (receiver === undefined) {
        if (receivers.size >= STREAMS_MAX) throw new Refusal("too_many", `more than ${STREAMS_MAX} log streams`);
        receiver = open(stream, 0);
        receivers.set(stream, receiver);
      }
      const fresh = receiver.receive({ offset, data, times, end });
      if (fresh !== undefined) deps.live.offer({ attemptId: lease.attemptId, stream, ...fresh, end });
      await receiver.room(signal);
    },
    async flush() {
      await Promise.all([...receivers.values()].map((receiver) => receiver.flush()));
    },
    close() {
      release();
      for (const receiver of receivers.values()) receiver.close();
    },
  };
}
