import { type StepWork, whatEnds } from "./step-frame.ts";
import { untilAborted } from "./until-aborted.ts";
import type { WorkEnd } from "./work-end.ts";

export type Asked<T> =
  | { readonly kind: "answer"; readonly value: T }
  /** The step was ended while it waited for the answer. */
  | { readonly kind: "ended"; readonly end: WorkEnd };

/** Waits for an answer that a step needs before it has a process, until the step is ended or its time is up. */
export async function untilEnded<T>(
  work: Pick<StepWork, "frame" | "note">,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<Asked<T>> {
  const { job, deadlineBootMs } = work.frame;
  const stopped = whatEnds(work);
  const late = new AbortController();
  const answered = new AbortController();
  if (deadlineBootMs !== undefined) {
    const leftMs = Math.max(0, deadlineBootMs - job.bootClockMs());
    void job.clock.sleep(leftMs, answered.signal).then(() => {
      if (!answered.signal.aborted) late.abort("its time is up");
    });
  }
  const signal = AbortSignal.any([stopped, late.signal, job.attempt.over]);
  try {
    return { kind: "answer", value: await untilAborted(signal, ask(signal)) };
  } catch (error) {
    job.attempt.over.throwIfAborted();
    if (stopped.aborted) return { kind: "ended", end: { outcome: "cancelled" } };
    if (late.signal.aborted) return { kind: "ended", end: { outcome: "timed_out" } };
    throw error;
  } finally {
    answered.abort("answered");
  }
}
