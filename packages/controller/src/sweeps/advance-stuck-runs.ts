import { findUnadvancedRuns, inTransaction, isDatabaseAway } from "@windrow/store";
import { advanceRun } from "../runs/advance-run.ts";
import type { SweepDeps } from "./sweep-deps.ts";

/** Younger runs are being made. */
const OLD_ENOUGH_MS = 10_000;

/** Moves runs on that stand still though nobody works on them; such a run is a bug's trace, and is logged as one. */
export async function advanceStuckRuns(deps: SweepDeps): Promise<void> {
  for (const runId of await findUnadvancedRuns(deps.db, OLD_ENOUGH_MS)) {
    try {
      const advanced = await inTransaction(deps.db, (tx) =>
        advanceRun(tx, { runId, publicUrl: deps.publicUrl(), texts: deps.texts }),
      );
      deps.logger.warn({ runId, isConcluded: advanced.isConcluded }, "a run stood still and was moved on");
      deps.announcer.announce(advanced);
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      // the other runs are moved on all the same
      deps.logger.error({ err: error, runId }, "a run stands still and cannot be moved on");
    }
  }
}
