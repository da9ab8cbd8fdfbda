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
  /** It took more of the disk than it may: every step ends with grace, and the job has failed. The reason is a sentence. */
  readonly diskExceeded: AbortSignal;
  /** The lease is somebody else's: processes end at once, nothing more is said about the attempt. */
  readonly revoked: AbortSignal;
  /** This process is about to end and another will go on with the attempt: nothing more is done about it here. */
  readonly abandoned: AbortSignal;
  /** Revoked or abandoned: what every call about the attempt is made under. */
  readonly over: AbortSignal;
  cancel(reason: string): void;
  giveBack(): void;
  exceedDisk(message: string): void;
  revoke(reason: string): void;
  abandon(): void;
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

/** The reason of calls that were cut short because the agent's process ends. */
export class AttemptAbandoned extends Error {
  readonly code = "attempt_abandoned";

  constructor() {
    super("the agent stops; another process goes on with the attempt");
    this.name = "AttemptAbandoned";
  }
}

export function createHeldAttempt(identity: AttemptIdentity): HeldAttempt {
  const cancelling = new AbortController();
  const givingBack = new AbortController();
  const exceeding = new AbortController();
  const revoking = new AbortController();
  const abandoning = new AbortController();
  return {
    ...identity,
    cancelled: cancelling.signal,
    givenBack: givingBack.signal,
    diskExceeded: exceeding.signal,
    revoked: revoking.signal,
    abandoned: abandoning.signal,
    over: AbortSignal.any([revoking.signal, abandoning.signal]),
    cancel: (reason) => cancelling.abort(reason),
    giveBack: () => givingBack.abort("agent_stopping"),
    exceedDisk: (message) => exceeding.abort(message),
    revoke: (reason) => revoking.abort(new AttemptRevoked(reason)),
    abandon: () => abandoning.abort(new AttemptAbandoned()),
  };
}
