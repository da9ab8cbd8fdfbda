import type { AttemptId, JobId } from "@windrow/model";
import type { LeaseHeld } from "@windrow/wire";
import { type AttemptIdentity, createHeldAttempt, type HeldAttempt } from "./held-attempt.ts";

/** How many released attempts are remembered, so that a late offer of one of them is not taken again. */
export const RELEASED_REMEMBERED_MAX = 10_000;

/** What this agent holds and how much room it has. */
export interface HeldAttempts {
  readonly slotsCount: number;
  readonly freeSlotsCount: number;
  get(attemptId: AttemptId): HeldAttempt | undefined;
  /** Every attempt, also those whose job is over and whose result is still on its way. */
  all(): readonly HeldAttempt[];
  leases(): LeaseHeld[];
  /** Takes the lowest free slot; undefined when there is none. */
  add(identity: Omit<AttemptIdentity, "slotNo">): HeldAttempt | undefined;
  /** As `add`, in the slot it had before the agent died; a slot beyond the configured ones is allowed here. */
  restore(identity: AttemptIdentity, takesSlot: boolean): HeldAttempt;
  /** The job's processes are gone: the slot is free although the result is still on its way. */
  freeSlot(attemptId: AttemptId): void;
  release(attemptId: AttemptId): void;
  wasReleased(attemptId: AttemptId): boolean;
  /** The largest fence seen for a job: an offer with a smaller one is stale. */
  fenceOf(jobId: JobId): bigint | undefined;
}

export function createHeldAttempts(slotsCount: number): HeldAttempts {
  const held = new Map<AttemptId, HeldAttempt>();
  const slots = new Map<number, AttemptId>();
  const released = new Set<AttemptId>();
  const fences = new Map<JobId, bigint>();

  function remember(identity: AttemptIdentity): HeldAttempt {
    const attempt = createHeldAttempt(identity);
    held.set(attempt.attemptId, attempt);
    fences.delete(attempt.jobId);
    fences.set(attempt.jobId, attempt.fence);
    dropOldest(fences);
    return attempt;
  }

  function freeSlot(attemptId: AttemptId): void {
    const slotNo = held.get(attemptId)?.slotNo;
    if (slotNo !== undefined && slots.get(slotNo) === attemptId) slots.delete(slotNo);
  }

  return {
    slotsCount,
    get freeSlotsCount() {
      return Math.max(0, slotsCount - slots.size);
    },
    get: (attemptId) => held.get(attemptId),
    all: () => [...held.values()],
    leases: () => [...held.values()].map(({ attemptId, leaseId }) => ({ attemptId, leaseId })),
    add(identity) {
      for (let slotNo = 0; slotNo < slotsCount; slotNo++) {
        if (slots.has(slotNo)) continue;
        slots.set(slotNo, identity.attemptId);
        return remember({ ...identity, slotNo });
      }
      return undefined;
    },
    restore(identity, takesSlot) {
      if (takesSlot) slots.set(identity.slotNo, identity.attemptId);
      return remember(identity);
    },
    freeSlot,
    release(attemptId) {
      freeSlot(attemptId);
      if (!held.delete(attemptId)) return;
      released.add(attemptId);
      dropOldest(released);
    },
    wasReleased: (attemptId) => released.has(attemptId),
    fenceOf: (jobId) => fences.get(jobId),
  };
}

function dropOldest<K>(remembered: Set<K> | Map<K, unknown>): void {
  if (remembered.size <= RELEASED_REMEMBERED_MAX) return;
  const [oldest] = remembered.keys();
  if (oldest !== undefined) remembered.delete(oldest);
}
