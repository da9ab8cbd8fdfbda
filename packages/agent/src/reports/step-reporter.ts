import { type LeaseRef, Refusal, type StepReport } from "@windrow/model";
import type { Clock } from "@windrow/service";
import type { Connection } from "../session/connection.ts";

export interface StepReporterOptions {
  readonly connection: Connection;
  readonly lease: Omit<LeaseRef, "sessionNo">;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onCancelRequested: () => void;
  readonly onRefused: (refusal: Refusal) => void;
  /** Something that no other try mends. */
  readonly onBroken: (error: unknown) => void;
}

/** Reports of one attempt's steps on their way: the latest of each step, in batches, through outages. */
export interface StepReporter {
  report(step: StepReport): void;
  /** Resolves when everything reported before was taken. */
  flush(): Promise<void>;
}

/** Short enough to be live, long enough that a step of a few ms is one report. */
const BATCH_DELAY_MS = 30;

export function createStepReporter(options: StepReporterOptions): StepReporter {
  const { connection, lease, clock, signal } = options;
  // At most one report per step of the plan.
  let waiting = new Map<number, StepReport>();
  let flushNow = new AbortController();
  let sending: Promise<void> | undefined;

  async function send(): Promise<void> {
    try {
      while (waiting.size > 0 && !signal.aborted) await sendBatch();
    } finally {
      // In the same turn as the last look: a report that comes now starts anew.
      sending = undefined;
      flushNow = new AbortController();
    }
  }

  async function sendBatch(): Promise<void> {
    if (!flushNow.signal.aborted) await clock.sleep(BATCH_DELAY_MS, AbortSignal.any([flushNow.signal, signal]));
    const steps = [...waiting.values()];
    waiting = new Map();
    try {
      const reply = await connection.call(
        ({ client, sessionNo }) => client.reportSteps({ lease: { ...lease, sessionNo }, steps }, { signal }),
        signal,
      );
      if (reply.cancelRequested) options.onCancelRequested();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refusal)) throw error;
      options.onRefused(error);
    }
  }

  return {
    report(step) {
      waiting.set(step.stepNo, step);
      // In a later turn, so that what `send` sets at its end is not set before its beginning.
      sending ??= Promise.resolve().then(send).catch(options.onBroken);
    },
    async flush() {
      flushNow.abort("flush");
      while (sending !== undefined) await sending;
    },
  };
}
