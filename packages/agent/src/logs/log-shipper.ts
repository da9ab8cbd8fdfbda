import { type LeaseRef, Refusal, type StreamName, type StreamSeal } from "@windrow/model";
import { backoffMs, type Clock, type Logger, passedThrough } from "@windrow/service";
import { LOG_WINDOW_BYTES_MAX, type LogCall, LogGap, WireFault } from "@windrow/wire";
import type { Connection, ControllerSession } from "../session/connection.ts";
import type { LogStream, ShippedChunk } from "./log-stream.ts";

export interface LogShipperOptions {
  readonly connection: Connection;
  readonly lease: Omit<LeaseRef, "sessionNo">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends everything; calls made here reject with its reason. */
  readonly signal: AbortSignal;
  /** The controller refused the attempt's bytes. */
  readonly onRefused: (refusal: Refusal) => void;
  /** The raw bytes cannot be read, or something else no other try mends. */
  readonly onBroken: (error: unknown) => void;
}

/**
 * Ships the streams of one attempt: at most LOG_WINDOW_BYTES_MAX on their way without an ack, again from the first byte
 * without one under every new session. Back-pressure ends at the spool: a stream is read only when the window has room.
 */
export interface LogShipper {
  add(stream: LogStream): void;
  /** Some stream has something new. */
  wake(): void;
  /** Resolves when every stream has ended and every byte of it is durable. */
  drained(): Promise<void>;
  /** The controller lacks bytes of a stream from here on. */
  rewind(stream: StreamName, offset: number): void;
  seals(): StreamSeal[];
  stop(): Promise<void>;
}

/** A chunk smaller than this is followed by the next one only after a pause, so that chatty steps make few chunks. */
const SMALL_CHUNK_BYTES = 32 * 1024;
const SMALL_CHUNK_PAUSE_MS = 50;
/** Streams of one attempt that are heard of before they begin here. */
const EARLY_ACKS_MAX = 10_000;
const RECONNECT_BACKOFF = { firstMs: 100, maxMs: 5_000 };

interface Lane {
  readonly source: LogStream;
  /** Given out by the source and not durable yet; the first `sentCount` of them went out under the call of the moment. */
  unacked: ShippedChunk[];
  sentCount: number;
  ackedBytes: number;
  nextAtMs: number;
}

export function createLogShipper(options: LogShipperOptions): LogShipper {
  const { connection, lease, clock, logger } = options;
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  const lanes = new Map<StreamName, Lane>();
  /** What the controller has of streams that begin later here: after a restart it tells at once, and once only. */
  const durableBytes = new Map<StreamName, number>();
  /** News since the last look; whoever waits for them. */
  let isWoken = false;
  let endNap: (() => void) | undefined;
  const drainWaiters = new Set<() => void>();
  let windowBytes = 0;
  let running: Promise<void> | undefined;

  function wake(): void {
    isWoken = true;
    endNap?.();
  }

  async function run(): Promise<void> {
    for (let tryNo = 1; !signal.aborted; tryNo++) {
      let session: ControllerSession | undefined;
      try {
        session = await connection.ready(signal);
        await shipUnder(session);
        tryNo = 0;
        // A controller that ends calls politely is not asked in a tight circle either.
        await clock.sleep(RECONNECT_BACKOFF.firstMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof LogGap) rewind(error.stream, error.expectedOffset);
        else if (error instanceof Refusal && connection.current() === session) return options.onRefused(error);
        else if (!(error instanceof Refusal || error instanceof WireFault)) throw error;
        logger.debug({ err: error }, "log call ended");
        await clock.sleep(backoffMs(tryNo, RECONNECT_BACKOFF, Math.random()), signal);
      }
    }
  }

  async function shipUnder(session: ControllerSession): Promise<void> {
    const call = session.client.openLog();
    const close = () => call.close();
    signal.addEventListener("abort", close, { once: true });
    const ended = { error: undefined as unknown, isOver: false };
    const acks = readAcks(call, ended);
    try {
      for (const lane of lanes.values()) lane.sentCount = 0;
      await call.send({ kind: "open", lease: { ...lease, sessionNo: session.sessionNo } });
      while (!ended.isOver && !signal.aborted) {
        // Before the look, so that news during the look end the nap at once.
        isWoken = false;
        const waitMs = await sendWhatIsThere(call);
        if (waitMs > 0 && !ended.isOver) await untilWoken(waitMs);
      }
      if (ended.error !== undefined) throw ended.error;
    } finally {
      signal.removeEventListener("abort", close);
      call.close();
      await acks;
    }
  }

  async function readAcks(call: LogCall, ended: { error: unknown; isOver: boolean }): Promise<void> {
    try {
      for await (const ack of call.acks) acked(ack.stream, ack.offset);
    } catch (error) {
      ended.error = error;
    }
    ended.isOver = true;
    wake();
  }

  function acked(stream: StreamName, offset: number): void {
    const lane = lanes.get(stream);
    if (lane === undefined) {
      if (durableBytes.size < EARLY_ACKS_MAX) durableBytes.set(stream, offset);
      return;
    }
    if (offset <= lane.ackedBytes) return;
    passedThrough(offset - lane.ackedBytes);
    lane.ackedBytes = offset;
    dropDurable(lane);
    if (isDrained()) for (const resolve of drainWaiters) resolve();
    wake();
  }

  /** Makes room: durable bytes are never sent again, and nobody acknowledges them a second time. */
  function dropDurable(lane: Lane): void {
    const isDurable = (chunk: ShippedChunk) => chunk.offset + chunk.data.length <= lane.ackedBytes;
    while (lane.unacked[0] !== undefined && isDurable(lane.unacked[0])) {
      // What says the end must have been sent once, even if all its bytes were durable before.
      if (lane.unacked[0].end && lane.sentCount === 0) break;
      const chunk = lane.unacked.shift();
      windowBytes -= chunk?.data.length ?? 0;
      chunk?.release?.();
      lane.sentCount = Math.max(0, lane.sentCount - 1);
    }
  }

  /** Sends until nothing is left or the window is full; answers how long to wait for more, in ms. */
  async function sendWhatIsThere(call: LogCall): Promise<number> {
    let waitMs = Number.POSITIVE_INFINITY;
    for (const lane of lanes.values()) {
      for (;;) {
        const pauseMs = lane.source.isEnded ? 0 : lane.nextAtMs - clock.monotonicMs();
        const isResend = lane.sentCount < lane.unacked.length;
        if (!isResend && pauseMs > 0) {
          waitMs = Math.min(waitMs, pauseMs);
          break;
        }
        const chunk = isResend ? lane.unacked[lane.sentCount] : await readNext(lane);
        if (chunk === undefined) break;
        lane.sentCount++;
        const { offset, data, end } = chunk;
        const times = [{ offset, atMs: clock.nowMs() }];
        await call.send({ kind: "chunk", stream: lane.source.stream, offset, data, end, times });
        if (chunk.data.length < SMALL_CHUNK_BYTES) lane.nextAtMs = clock.monotonicMs() + SMALL_CHUNK_PAUSE_MS;
        if (chunk.end && isDrained()) for (const resolve of drainWaiters) resolve();
      }
    }
    return waitMs;
  }

  async function readNext(lane: Lane): Promise<ShippedChunk | undefined> {
    while (windowBytes < LOG_WINDOW_BYTES_MAX) {
      const chunk = await lane.source.next();
      if (chunk === undefined) return undefined;
      if (!chunk.end && chunk.offset + chunk.data.length <= lane.ackedBytes) {
        chunk.release?.();
        continue;
      }
      lane.unacked.push(chunk);
      windowBytes += chunk.data.length;
      return chunk;
    }
    return undefined;
  }

  function untilWoken(waitMs: number): Promise<void> {
    if (isWoken) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = waitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, waitMs);
      endNap = () => {
        clearTimeout(timer);
        endNap = undefined;
        resolve();
      };
    });
  }

  function rewind(stream: StreamName, offset: number): void {
    durableBytes.delete(stream);
    const lane = lanes.get(stream);
    if (lane === undefined) return;
    for (const chunk of lane.unacked) windowBytes -= chunk.data.length;
    Object.assign(lane, { unacked: [], sentCount: 0, ackedBytes: offset, nextAtMs: 0 });
    lane.source.rewind(offset);
    wake();
  }

  /** An end chunk without bytes of its own is never acked: that it was sent is enough, the seal says the rest. */
  function isDrained(): boolean {
    for (const lane of lanes.values()) {
      const { seal } = lane.source;
      if (seal === undefined || lane.ackedBytes < seal.lengthBytes) return false;
      if (lane.unacked.length > lane.sentCount) return false;
    }
    return true;
  }

  return {
    add(source) {
      const ackedBytes = durableBytes.get(source.stream) ?? 0;
      lanes.set(source.stream, { source, unacked: [], sentCount: 0, ackedBytes, nextAtMs: 0 });
      running ??= run().catch(options.onBroken);
      wake();
    },
    wake,
    drained() {
      signal.throwIfAborted();
      if (isDrained()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const settle = (end: () => void) => () => {
          drainWaiters.delete(done);
          signal.removeEventListener("abort", stop);
          end();
        };
        const done = settle(resolve);
        const stop = settle(() => reject(signal.reason));
        drainWaiters.add(done);
        signal.addEventListener("abort", stop, { once: true });
      });
    },
    rewind,
    seals: () => [...lanes.values()].flatMap((lane) => lane.source.seal ?? []),
    async stop() {
      stopping.abort(new Error("the log is no longer shipped"));
      wake();
      await running;
      for (const lane of lanes.values()) await lane.source.close();
    },
  };
}
