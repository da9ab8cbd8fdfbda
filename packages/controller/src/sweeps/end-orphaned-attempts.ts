import { findOrphanedAttempts } from "@windrow/store";
import { loseAttempt } from "../runs/end-attempt-run.ts";
import { endEach } from "./end-each.ts";
import type { SweepDeps } from "./sweep-deps.ts";

/** Takes open attempts from agents that were removed or disabled: their jobs go elsewhere at once. */
export async function endOrphanedAttempts(deps: SweepDeps): Promise<void> {
  await endEach(deps, await findOrphanedAttempts(deps.db), ({ attemptId, why }) =>
    loseAttempt(deps, attemptId, { how: "lose", reason: why, isDue: () => true }),
  );
}
