import { backoffMs, type Clock } from "@windrow/service";
import type { FarmPart, RunningPart } from "./farm-part.ts";
import type { Report } from "./up-reporter.ts";

const RESTART = { firstMs: 500, maxMs: 30_000, jitter: 0.2 };
/** A part that ran this long was healthy: its next end starts counting anew. */
const HEALTHY_AFTER_MS = 60_000;

export interface KeepRunningOptions {
  readonly part: FarmPart;
  readonly clock: Clock;
  readonly report: Report;
}

/** A part that is kept running. */
export interface KeptPart {
  readonly name: string;
  /** Ends it for good. Idempotent; complete when it resolves. */
  stop(hurry: AbortSignal): Promise<void>;
}

/** Starts a part and starts it again, with growing pauses, whenever it ends by itself. Rejects when the first start fails. */
export async function keepRunning(options: KeepRunningOptions): Promise<KeptPart> {
  const { part, clock, report } = options;
  const stopping = new AbortController();
  let running: RunningPart | undefined = await startOnce();
  const kept = keep(running);

  async function startOnce(): Promise<RunningPart> {
    const startedMs = clock.monotonicMs();
    report({ event: "starting", part: part.name });
    const started = await part.start();
    report({
      event: "started",
      part: part.name,
      pid: started.pid,
      ms: Math.round(clock.monotonicMs() - startedMs),
      ...(started.isAdopted === true ? { adopted: true } : {}),
    });
    return started;
  }

  async function keep(first: RunningPart): Promise<void> {
    let endsCount = 0;
    let last = first;
    let startedMs = clock.monotonicMs();
    while (!stopping.signal.aborted) {
      await last.ended;
      running = undefined;
      if (stopping.signal.aborted) return;
      if (clock.monotonicMs() - startedMs > HEALTHY_AFTER_MS) endsCount = 0;
      endsCount += 1;
      const delayMs = backoffMs(endsCount, RESTART, Math.random());
      report({ event: "ended", part: part.name, pid: last.pid, restart_in_ms: delayMs });
      await clock.sleep(delayMs, stopping.signal);
      if (stopping.signal.aborted) return;
      startedMs = clock.monotonicMs();
      try {
        last = await startOnce();
        running = last;
      } catch (error) {
        if (stopping.signal.aborted) return;
        report({ event: "error", message: error instanceof Error ? error.message : String(error) });
      }
    }
  }

  let stopped: Promise<void> | undefined;
  return {
    name: part.name,
    stop(hurry) {
      stopped ??= (async () => {
        stopping.abort();
        await running?.stop(hurry);
        await kept;
        // A restart may have been under way.
        await running?.stop(hurry);
        report({ event: "stopped", part: part.name });
      })();
      return stopped;
    },
  };
}
