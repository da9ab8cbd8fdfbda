import type { DueAttempt } from "@windrow/store";
import { isDatabaseAway } from "@windrow/store";
import type { Advanced } from "../runs/advance-run.ts";
import type { SweepDeps } from "./sweep-deps.ts";

/**
 * One look may last this long, and the rest is the next one's: the pass that ends attempts also says that this
 * controller lives, and a long silence would extend every lease.
 */
export const END_EACH_MS_MAX = 500;

/**
 * Ends what is due, each in a transaction of its own: one that cannot be ended (a bug's trace, logged as one) holds none
 * of the others back. Throws only when the database is away.
 */
export async function endEach<T extends DueAttempt>(
  deps: SweepDeps,
  due: readonly T[],
  end: (attempt: T) => Promise<Advanced | undefined>,
): Promise<void> {
  const untilMs = deps.clock.monotonicMs() + END_EACH_MS_MAX;
  for (const attempt of due) {
    try {
      const advanced = await end(attempt);
      if (advanced !== undefined) deps.announcer.announce(advanced);
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      deps.logger.error({ err: error, attemptId: attempt.attemptId }, "an attempt that is due could not be ended");
    }
    if (deps.clock.monotonicMs() > untilMs) return;
  }
}
