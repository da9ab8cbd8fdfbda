import { type AttemptId, isAttemptOpen, type StreamName } from "@windrow/model";
import type { Clock } from "@windrow/service";
import { findLatestAttempt, readAttemptState, readStreams } from "@windrow/store";
import type { LogTailBytes } from "@windrow/wire";
import type { LiveLogs } from "./live-logs.ts";
import { type LogDeps, readLog } from "./read-log.ts";

export interface TailDeps extends LogDeps {
  readonly live: LiveLogs;
  readonly clock: Clock;
}

export interface TailLogOptions {
  /** An attempt, or a job: then its latest attempt, as soon as there is one. */
  readonly target: { readonly attemptId: AttemptId } | { readonly jobId: number };
  /** Only this stream; absent: all. */
  readonly stream?: StreamName;
  /** Where to begin in each stream; absent: at its start. */
  readonly from?: ReadonlyMap<string, number>;
  readonly signal: AbortSignal;
}

export interface TailPiece {
  readonly attemptId: AttemptId;
  readonly stream: StreamName;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const LOOK_EVERY_MS = 1_000;
/** Live bytes kept for a slow reader; more are dropped and read from the store once they are durable. */
const LIVE_WAITING_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Follows a log: what is durable, then bytes as they arrive, until the attempt is over and everything durable was
 * given. Each stream's pieces are contiguous: what live delivery loses is read from the store.
 */
export async function* tailLog(deps: TailDeps, options: TailLogOptions): AsyncGenerator<TailPiece> {
  const attemptId = await waitForAttempt(deps, options);
  if (attemptId === undefined) return;
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  const inbox = createInbox();
  deps.live.watch(attemptId, inbox.put, signal);
  const offsets = new Map<StreamName, number>();
  const offsetOf = (stream: StreamName) => offsets.get(stream) ?? options.from?.get(stream) ?? 0;
  try {
    let lookAtMs = 0;
    while (!options.signal.aborted) {
      if (deps.clock.monotonicMs() >= lookAtMs) {
        const isOver = !isAttemptOpen((await readAttemptState(deps.db, attemptId)) ?? "lost");
        yield* readDurable();
        if (isOver) return;
        lookAtMs = deps.clock.monotonicMs() + LOOK_EVERY_MS;
      }
      for (let live = inbox.take(); live !== undefined; live = inbox.take()) {
        const piece = continueWith(live);
        if (piece !== undefined) yield piece;
      }
      await inbox.wait(deps.clock, Math.max(1, lookAtMs - deps.clock.monotonicMs()), signal);
    }
  } finally {
    ending.abort();
  }

  async function* readDurable(): AsyncGenerator<TailPiece> {
    if (attemptId === undefined) return;
    for (const { stream, lengthBytes } of await readStreams(deps.db, attemptId)) {
      if (options.stream !== undefined && options.stream !== stream) continue;
      if (lengthBytes <= offsetOf(stream)) continue;
      for await (const bytes of readLog(deps, { attemptId, stream, fromOffset: offsetOf(stream) })) {
        const offset = offsetOf(stream);
        offsets.set(stream, offset + bytes.length);
        yield { attemptId, stream, offset, bytes };
      }
    }
  }

  function continueWith(live: LogTailBytes): TailPiece | undefined {
    const { stream, data } = live;
    if (options.stream !== undefined && options.stream !== stream) return undefined;
    const offset = offsetOf(stream);
    if (live.offset > offset || live.offset + data.length <= offset) return undefined;
    offsets.set(stream, live.offset + data.length);
    return {
      attemptId: live.attemptId,
      stream,
      offset,
      bytes: deps.redact(data.subarray(offset - live.offset), live.attemptId),
    };
  }
}

async function waitForAttempt(deps: TailDeps, { target, signal }: TailLogOptions): Promise<AttemptId | undefined> {
  if ("attemptId" in target) return target.attemptId;
  while (!signal.aborted) {
    const latest = await findLatestAttempt(deps.db, target.jobId);
    if (latest !== undefined) return latest.attemptId;
    await deps.clock.sleep(LOOK_EVERY_MS, signal);
  }
  return undefined;
}

function createInbox() {
  const waiting: LogTailBytes[] = [];
  let waitingBytes = 0;
  let nap: AbortController | undefined;
  return {
    put(bytes: LogTailBytes) {
      if (waitingBytes + bytes.data.length > LIVE_WAITING_BYTES_MAX) return;
      waiting.push(bytes);
      waitingBytes += bytes.data.length;
      nap?.abort();
    },
    take(): LogTailBytes | undefined {
      const next = waiting.shift();
      waitingBytes -= next?.data.length ?? 0;
      return next;
    },
    async wait(clock: Clock, ms: number, signal: AbortSignal) {
      if (waiting.length > 0) return;
      nap = new AbortController();
      await clock.sleep(ms, AbortSignal.any([signal, nap.signal]));
      nap = undefined;
    },
  };
}
