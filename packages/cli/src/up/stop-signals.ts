import type { Clock } from "@windrow/service";

/** What the person asked for so far. */
export interface StopSignals {
  /** Aborts at the first Ctrl-C, or SIGTERM. */
  readonly stopping: AbortSignal;
  /** Aborts at the second. */
  readonly hurry: AbortSignal;
  /** Gives the signals back to their default behaviour. */
  release(): void;
}

/** npm passes a Ctrl-C on that the terminal sent us as well: such an echo is no second one. */
const ECHO_WITHIN_MS = 1_000;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Listens for the signals that end `windrow up`. */
export function listenForStop(clock: Clock): StopSignals {
  const stopping = new AbortController();
  const hurry = new AbortController();
  let firstMs: number | undefined;
  const onSignal = () => {
    const nowMs = clock.monotonicMs();
    if (firstMs === undefined) {
      firstMs = nowMs;
      stopping.abort();
    } else if (nowMs - firstMs > ECHO_WITHIN_MS) {
      hurry.abort();
    }
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    stopping: stopping.signal,
    hurry: hurry.signal,
    release() {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
