import type { AttemptId, JobId, LeaseId } from "@windrow/model";

/** One attempt that this agent accepted and has not been released from. */
export interface HeldAttempt {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly jobId: JobId;
  readonly attemptNo: number;
  readonly fence: bigint;
  readonly slotNo: number;
  /** Somebody asked for the end: the current step ends with grace, later steps see `cancelled()`. */
  readonly cancelled: AbortSignal;
  /** The agent stops: steps end with grace and the job goes back to the queue. */
  readonly givenBack: AbortSignal;
  /** The lease is somebody else's: processes end at once, nothing more is said about the attempt. */
  readonly revoked: AbortSignal;
  cancel(reason: string): void;
  giveBack(): void;
  revoke(reason: string): void;
}

export type AttemptIdentity = Pick<HeldAttempt, "attemptId" | "leaseId" | "jobId" | "attemptNo" | "fence" | "slotNo">;

/** Why an attempt was revoked; the reason of every call that was cut short by it. */
export class AttemptRevoked extends Error {
  readonly code = "attempt_revoked";

  constructor(reason: string) {
    super(`the attempt is not this agent's any more: ${reason}`);
    this.name = "AttemptRevoked";
  }
}

export function createHeldAttempt(identity: AttemptIdentity): HeldAttempt {
  const cancelling = new AbortController();
  const givingBack = new AbortController();
  const revoking = new AbortController();
  return {
    ...identity,
    cancelled: cancelling.signal,
    givenBack: givingBack.signal,
    revoked: revoking.signal,
    cancel: (reason) => cancelling.abort(reason),
    giveBack: () => givingBack.abort("agent_stopping"),
    revoke: (reason) => revoking.abort(new AttemptRevoked(reason)),
  };
}
