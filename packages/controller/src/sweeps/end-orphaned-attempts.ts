import { findOrphanedAttempts } from "@windrow/store";
import { loseAttempt } from "../runs/end-attempt-run.ts";
import type { SweepDeps } from "./sweep-deps.ts";

/** Takes open attempts from agents that were removed: their jobs go elsewhere at once. */
export async function endOrphanedAttempts(deps: SweepDeps): Promise<void> {
  for (const { attemptId } of await findOrphanedAttempts(deps.db)) {
    const advanced = await loseAttempt(deps, attemptId, { how: "lose", reason: "agent_removed", isDue: () => true });
    if (advanced !== undefined) deps.announcer.announce(advanced);
  }
}
