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
  /** Not after `takeRest`. */
  report(step: StepReport): void;
  /**
   * Stops sending, and gives what was not taken: the finish carries it. More than REST_CHARS_MAX of it is sent first.
   * Resolves when no report is on its way.
   */
  takeRest(): Promise<StepReport[]>;
}

/** Short enough to be live, long enough that the reports of a short job go with its end. */
export const BATCH_DELAY_MS = 100;
/** A character is up to three bytes on the wire, whose messages end at 4 MiB. */
const BATCH_CHARS_MAX = 1_100_000;
/** What the finish carries: its outputs and seals have to fit beside it. */
export const REST_CHARS_MAX = 250_000;
/** Of a report's name, fault and numbers. */
const REPORT_CHARS = 3_000;

function countChars({ summary = "", annotations = [] }: StepReport): number {
  let chars = REPORT_CHARS + summary.length;
  for (const { message, title = "", file = "" } of annotations) chars += message.length + title.length + file.length;
  return chars;
}

export function createStepReporter(options: StepReporterOptions): StepReporter {
  const { connection, lease, clock, signal } = options;
  // At most one report per step of the plan.
  const waiting = new Map<number, StepReport>();
  const ending = new AbortController();
  let sending: Promise<void> | undefined;

  async function send(): Promise<void> {
    try {
      while (isDue()) {
        await clock.sleep(BATCH_DELAY_MS, AbortSignal.any([ending.signal, signal]));
        if (isDue()) await sendBatch();
      }
    } finally {
      // In the same turn as the last look: a report that comes now starts anew.
      sending = undefined;
    }
  }

  function isDue(): boolean {
    if (waiting.size === 0 || signal.aborted) return false;
    return !ending.signal.aborted || countWaitingChars() > REST_CHARS_MAX;
  }

  function countWaitingChars(): number {
    let chars = 0;
    for (const step of waiting.values()) chars += countChars(step);
    return chars;
  }

  /** At least one; a message has its limit, and summaries may be long. */
  function takeBatch(): StepReport[] {
    const steps: StepReport[] = [];
    let chars = 0;
    for (const [stepNo, step] of waiting) {
      chars += countChars(step);
      if (steps.length > 0 && chars > BATCH_CHARS_MAX) break;
      steps.push(step);
      waiting.delete(stepNo);
    }
    return steps;
  }

  async function sendBatch(): Promise<void> {
    const steps = takeBatch();
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
    async takeRest() {
      ending.abort("the attempt ends");
      while (sending !== undefined) await sending;
      const rest = [...waiting.values()];
      waiting.clear();
      return rest;
    },
  };
}
