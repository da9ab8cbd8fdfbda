import { randomUUID } from "node:crypto";
import type { AttemptId, StreamName } from "@windrow/model";
import type { Clock } from "@windrow/service";
import { type Bus, everyLogWant, type LogTailBytes, type LogTailWanted, logBytesOf, logWantsOf } from "@windrow/wire";

/** Log bytes that are not durable yet, for who watches. Nothing is sent while nobody does. */
export interface LiveLogs {
  /** Receives the bytes of an attempt for as long as `signal` lasts, wherever the attempt's log arrives. */
  watch(attemptId: AttemptId, onBytes: (bytes: LogTailBytes) => void, signal: AbortSignal): void;
  /** The receiver of an attempt's log offers bytes as they arrive. */
  offer(bytes: LogTailBytes): void;
  /** The receiver says what it holds that is not durable yet, for watchers that come late. */
  holdPending(attemptId: AttemptId, pending: PendingBytes): () => void;
  stop(): void;
}

export type PendingBytes = () => readonly { stream: StreamName; offset: number; data: Uint8Array }[];

/** A watcher says again and again that it is there; after this long its silence means that it left. */
const WANT_MS = 10_000;
const WANT_EVERY_MS = 3_000;
const WATCHED_MAX = 10_000;

export function createLiveLogs(deps: { readonly bus: Bus | undefined; readonly clock: Clock }): LiveLogs {
  const { bus, clock } = deps;
  const here = new Map<AttemptId, Set<(bytes: LogTailBytes) => void>>();
  /** Watchers on other controllers, until when (monotonic). */
  const wantedUntil = new Map<AttemptId, number>();
  const pendingOf = new Map<AttemptId, PendingBytes>();

  const self = randomUUID();

  const wants = bus?.subscribe(everyLogWant, ({ attemptId, watcher }) => {
    // who watches here is given the bytes here
    if (watcher === self) return;
    const isNew = !isWantedAway(attemptId);
    // in the order of the latest wants, so that what is over goes first
    wantedUntil.delete(attemptId);
    wantedUntil.set(attemptId, clock.monotonicMs() + WANT_MS);
    const [oldest] = wantedUntil.keys();
    if (wantedUntil.size > WATCHED_MAX && oldest !== undefined) wantedUntil.delete(oldest);
    if (!isNew) return;
    for (const piece of pendingOf.get(attemptId)?.() ?? [])
      bus.publish(logBytesOf(attemptId), { attemptId, ...piece, end: false });
  });

  function isWantedAway(attemptId: AttemptId): boolean {
    const until = wantedUntil.get(attemptId);
    if (until === undefined) return false;
    if (until > clock.monotonicMs()) return true;
    wantedUntil.delete(attemptId);
    return false;
  }

  function keepWanting(attemptId: AttemptId, signal: AbortSignal): void {
    if (bus === undefined) return;
    const want = () => {
      bus.publish<LogTailWanted>(logWantsOf(attemptId), {
        attemptId,
        stream: "system",
        untilMs: clock.nowMs() + WANT_MS,
        watcher: self,
      });
    };
    void (async () => {
      while (!signal.aborted) {
        want();
        await clock.sleep(WANT_EVERY_MS, signal);
      }
    })();
  }

  return {
    watch(attemptId, onBytes, signal) {
      if (signal.aborted) return;
      const watchers = here.get(attemptId) ?? new Set();
      watchers.add(onBytes);
      here.set(attemptId, watchers);
      const remote = bus?.subscribe(logBytesOf(attemptId), onBytes);
      signal.addEventListener(
        "abort",
        () => {
          remote?.close();
          watchers.delete(onBytes);
          if (watchers.size === 0 && here.get(attemptId) === watchers) here.delete(attemptId);
        },
        { once: true },
      );
      for (const piece of pendingOf.get(attemptId)?.() ?? []) onBytes({ attemptId, ...piece, end: false });
      keepWanting(attemptId, signal);
    },
    offer(bytes) {
      for (const onBytes of here.get(bytes.attemptId) ?? []) onBytes(bytes);
      if (isWantedAway(bytes.attemptId)) bus?.publish(logBytesOf(bytes.attemptId), bytes);
    },
    holdPending(attemptId, pending) {
      pendingOf.set(attemptId, pending);
      return () => {
        if (pendingOf.get(attemptId) === pending) pendingOf.delete(attemptId);
      };
    },
    stop() {
      wants?.close();
    },
  };
}
