import { findOverdueAttempts, type LockedAttempt } from "@windrow/store";
import { loseAttempt } from "../runs/end-attempt-run.ts";
import { endEach } from "./end-each.ts";
import type { SweepDeps } from "./sweep-deps.ts";

/** The agent ends a job at its timeout and has this long to say so. */
export const OVERDUE_GRACE_MS = 15_000;

/** Ends jobs as timed out whose agent ignored their timeout; its next contact is answered `revoked`. */
export async function endOverdueAttempts(deps: SweepDeps): Promise<void> {
  await endEach(deps, await findOverdueAttempts(deps.db, OVERDUE_GRACE_MS), ({ attemptId }) =>
    loseAttempt(deps, attemptId, {
      how: "revoke",
      reason: "timeout_ignored",
      isDue: (locked) => locked.state === "running",
      job: timedOut,
    }),
  );
}

const timedOut = (locked: LockedAttempt) =>
  ({
    kind: "finish",
    outcome: locked.cancelRequested ? "cancelled" : "timed_out",
    reason: locked.cancelReason ?? "timeout",
  }) as const;
