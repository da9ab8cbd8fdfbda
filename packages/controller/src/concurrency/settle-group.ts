import { type ConcurrencyEntry, decideConcurrency, decideRelease } from "@windrow/model";
import { changeEntries, type EntryChange, type GroupEntry, type GroupRef, lockGroup, type Tx } from "@windrow/store";

/**
 * A pending run or job that a newer one replaced; a holder that a newer one ended; a job that waits for its own run; one
 * too many in a queue.
 */
export const REPLACED_REASON = "concurrency_replaced";
export const CANCEL_IN_PROGRESS_REASON = "concurrency_cancel_in_progress";
export const DEADLOCK_REASON = "concurrency_deadlock";
export const QUEUE_FULL_REASON = "concurrency_queue_full";

/**
 * Decides for everybody who asked for a group, in the order of asking, and gives it to the next when nobody holds it.
 * Only rows of the group change: what follows for runs and jobs is applied after the commit, under their own locks, so
 * that no two locks are ever waited for in two orders.
 */
export async function settleGroup(tx: Tx, group: GroupRef): Promise<void> {
  const entries = await lockGroup(tx, group);
  await changeEntries(tx, decideEntries(entries));
}

interface Standing extends ConcurrencyEntry {
  readonly entry: GroupEntry;
}

/** What changes in a group, from all its entries, oldest first. */
export function decideEntries(entries: readonly GroupEntry[]): EntryChange[] {
  const changes = new Map<number, EntryChange>();
  let standing = entries.flatMap((entry): Standing[] =>
    entry.state === "holding" || entry.state === "pending" ? [stand(entry, entry.state)] : [],
  );
  for (const entry of entries) {
    if (entry.state !== "requested") continue;
    if (standing.some((other) => other.state === "holding" && isAround(other.entry, entry))) {
      changes.set(entry.id, { id: entry.id, state: "replaced", cancelReason: DEADLOCK_REASON });
      continue;
    }
    const { queue, cancelInProgress } = entry;
    const decision = decideConcurrency({ entries: standing, newcomer: { id: entry.id, queue, cancelInProgress } });
    if (decision.newcomer === "refused") {
      changes.set(entry.id, { id: entry.id, state: "replaced", cancelReason: QUEUE_FULL_REASON });
      continue;
    }
    for (const id of decision.cancelPending) {
      changes.set(id, { id, state: "replaced", cancelReason: REPLACED_REASON });
    }
    for (const id of decision.cancelHolders) {
      changes.set(id, { id, state: "holding", cancelReason: CANCEL_IN_PROGRESS_REASON });
    }
    changes.set(entry.id, { id: entry.id, state: decision.newcomer, cancelReason: null });
    standing = standing.filter((other) => !decision.cancelPending.includes(other.id));
    standing.push(stand(entry, decision.newcomer));
  }
  const next = decideRelease(standing);
  if (next !== null) changes.set(next, { id: next, state: "holding", cancelReason: null });
  return [...changes.values()];
}

const stand = (entry: GroupEntry, state: Standing["state"]): Standing => ({
  id: entry.id,
  state,
  since: entry.id,
  entry,
});

/** A job that asks for what its own run, or a call around it, holds would wait for its own end. */
function isAround(holder: GroupEntry, inner: GroupEntry): boolean {
  if (holder.runId !== inner.runId || inner.jobId === null) return false;
  return holder.jobId === null || inner.insideOf.includes(holder.jobId);
}
