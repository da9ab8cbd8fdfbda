import { type AttemptId, decideLost } from "@windrow/model";
import {
  type AttemptEnd,
  type Database,
  endAttempts,
  inTransaction,
  type JobAfter,
  type LockedAttempt,
  lockAttempt,
  type Tx,
} from "@windrow/store";
import { type Advanced, advanceLockedRuns } from "./advance-run.ts";
import type { RunTexts } from "./run-texts.ts";

export interface EndDeps {
  readonly db: Database;
  readonly publicUrl: () => string;
  readonly texts: RunTexts;
}

/** What becomes of a job whose attempt was lost or taken away. */
export function decideJobAfterLoss(locked: LockedAttempt, reason: string): JobAfter {
  const decision = decideLost({ ...locked, leaseLeftMs: Math.max(0, locked.leaseLeftMs) });
  return decision.kind === "requeue"
    ? { ...decision, costsBudget: true }
    : { kind: "finish", outcome: decision.outcome, reason: locked.cancelReason ?? reason };
}

/** Ends an attempt that is locked and moves its run on. */
export async function endAttemptAndAdvance(tx: Tx, deps: EndDeps, end: AttemptEnd): Promise<Advanced> {
  const [advanced] = await endAttemptsAndAdvance(tx, deps, [end]);
  if (advanced === undefined) throw new Error(`run ${end.locked.runId} was not moved on`);
  return advanced;
}

/** Ends attempts that are locked and moves their runs on: one answer for each run. */
export async function endAttemptsAndAdvance(tx: Tx, deps: EndDeps, ends: readonly AttemptEnd[]): Promise<Advanced[]> {
  if (ends.length === 0) return [];
  await endAttempts(tx, ends);
  const runIds = [...new Set(ends.map((end) => end.locked.runId))];
  return advanceLockedRuns(tx, { runIds, publicUrl: deps.publicUrl(), texts: deps.texts });
}

/**
 * Ends one attempt for a reason of the farm's, if it still deserves it when its rows are locked: `isDue` judges that.
 * Undefined when it does not. An offer that never started goes back to the queue at no cost.
 */
export function loseAttempt(
  deps: EndDeps,
  attemptId: AttemptId,
  options: {
    readonly how: "lose" | "revoke";
    readonly reason: string;
    readonly isDue: (locked: LockedAttempt) => boolean;
    readonly job?: (locked: LockedAttempt) => JobAfter;
  },
): Promise<Advanced | undefined> {
  return inTransaction(deps.db, async (tx) => {
    const locked = await lockAttempt(tx, attemptId);
    if (locked === undefined || !isOpen(locked) || !options.isDue(locked)) return undefined;
    const job = options.job?.(locked) ?? decideJobAfterLoss(locked, options.reason);
    if (locked.state === "offered") {
      return endAttemptAndAdvance(tx, deps, { locked, how: "revoke", reason: options.reason, job: releaseJob(locked) });
    }
    return endAttemptAndAdvance(tx, deps, { locked, how: options.how, reason: options.reason, job });
  });
}

/** What becomes of a job whose offer nobody took. */
export function releaseJob(locked: LockedAttempt): JobAfter {
  return locked.cancelRequested
    ? { kind: "finish", outcome: "cancelled", reason: locked.cancelReason ?? "cancelled" }
    : { kind: "requeue", delayMs: 0, costsBudget: false };
}

const isOpen = (locked: LockedAttempt): boolean => locked.state === "offered" || locked.state === "running";
