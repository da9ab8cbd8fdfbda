import type { Clock } from "@windrow/service";
import { type Bus, everyChange } from "@windrow/wire";

/** Tells who waits for news of a run, in this process. */
export interface RunChanges {
  /** Something about the run changed here. */
  notify(runId: number): void;
  /** Resolves when the run may have changed, at the latest after a second, at once on abort. */
  wait(runId: number, signal: AbortSignal): Promise<void>;
  stop(): void;
}

const LOOK_EVERY_MS = 1_000;
/** Waiters for news of any run are kept under a number that no run has. */
export const ANY_RUN = 0;

export function createRunChanges(deps: { readonly bus: Bus | undefined; readonly clock: Clock }): RunChanges {
  const waiting = new Map<number, Set<() => void>>();

  function notify(runId: number): void {
    for (const key of [runId, ANY_RUN]) {
      const wakers = waiting.get(key);
      waiting.delete(key);
      for (const wake of wakers ?? []) wake();
    }
  }

  const changes = deps.bus?.subscribe(everyChange, ({ runId }) => notify(runId));

  return {
    notify,
    async wait(runId, signal) {
      const nap = new AbortController();
      const wake = () => nap.abort();
      const wakers = waiting.get(runId) ?? new Set();
      wakers.add(wake);
      waiting.set(runId, wakers);
      await deps.clock.sleep(LOOK_EVERY_MS, AbortSignal.any([signal, nap.signal]));
      wakers.delete(wake);
      if (wakers.size === 0 && waiting.get(runId) === wakers) waiting.delete(runId);
    },
    stop() {
      changes?.close();
    },
  };
}
