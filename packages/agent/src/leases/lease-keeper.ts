import type { AttemptId } from "@windrow/model";
import type { Logger } from "@windrow/service";
import type { HeartbeatReply } from "@windrow/wire";
import type { HeldAttempt } from "./held-attempt.ts";
import { decideJobDeadlineMs, type LeaseTerms } from "./lease-trust.ts";

/** What the keeper must know to hold a job's supervisor to the lease. */
export interface KeptJob {
  readonly startedAtBootMs: number;
  readonly timeoutMs: number;
  readonly exclusive: boolean;
  readonly cancelGraceMs: number;
  /** Writes the deadline the supervisor watches, on the machine's boot clock. */
  readonly setDeadline: (deadlineBootMs: number) => Promise<void>;
}

/**
 * Follows renewals and tells supervisors how long they may let their jobs run. All times are on the machine's boot
 * clock, which also counts time asleep and which a supervisor reads without the agent.
 */
export interface LeaseKeeper {
  setTerms(terms: LeaseTerms): void;
  /** From acceptance on. `renewalSentAtBootMs`: when the call that gave the lease was sent. */
  hold(attempt: HeldAttempt, renewalSentAtBootMs: number): void;
  /** The call that renewed the lease was sent at this moment. */
  renewed(attemptId: AttemptId, sentAtBootMs: number): void;
  heartbeatAnswered(reply: HeartbeatReply, sentAtBootMs: number): void;
  /** The deadline as of now; until `watch` it is what the supervisor is opened with. */
  deadlineBootMs(attemptId: AttemptId, job: Omit<KeptJob, "setDeadline">): number;
  /** From now on every renewal moves the job's deadline. */
  watch(attemptId: AttemptId, job: KeptJob): void;
  /** The job's processes are gone. */
  unwatch(attemptId: AttemptId): void;
  release(attemptId: AttemptId): void;
}

interface Lease {
  readonly attempt: HeldAttempt;
  renewalSentAtBootMs: number;
  job?: KeptJob;
  /** What the supervisor was told last. */
  deadlineBootMs?: number;
}

/** A deadline that would move on by less stays: the earlier one is the safe one. */
const DEADLINE_STEP_MS = 250;

export function createLeaseKeeper(logger: Logger): LeaseKeeper {
  const leases = new Map<AttemptId, Lease>();
  // Until the first welcome: short enough to be safe for any pool.
  let terms: LeaseTerms = { leaseTtlMs: 15_000, leaseMarginMs: 2_000, orphanGraceMs: 600_000 };

  function decide(lease: Lease, job: Omit<KeptJob, "setDeadline">): number {
    const facts = {
      renewalSentAtMs: lease.renewalSentAtBootMs,
      jobStartedAtMs: job.startedAtBootMs,
      jobTimeoutMs: job.timeoutMs,
      exclusive: job.exclusive,
      cancelGraceMs: job.cancelGraceMs,
    };
    return Math.round(decideJobDeadlineMs(facts, terms));
  }

  function moveDeadline(lease: Lease): void {
    if (lease.job === undefined) return;
    const { attemptId } = lease.attempt;
    const deadlineBootMs = decide(lease, lease.job);
    const laterByMs = deadlineBootMs - (lease.deadlineBootMs ?? Number.NEGATIVE_INFINITY);
    if (laterByMs >= 0 && laterByMs < DEADLINE_STEP_MS) return;
    lease.deadlineBootMs = deadlineBootMs;
    lease.job.setDeadline(deadlineBootMs).catch((error: unknown) => {
      // The supervisor still holds the earlier deadline, which is the safe side.
      logger.warn({ err: error, attempt: attemptId }, "the job's deadline could not be moved");
    });
  }

  function renewed(attemptId: AttemptId, sentAtBootMs: number): void {
    const lease = leases.get(attemptId);
    if (lease === undefined || sentAtBootMs <= lease.renewalSentAtBootMs) return;
    lease.renewalSentAtBootMs = sentAtBootMs;
    moveDeadline(lease);
  }

  return {
    setTerms(next) {
      terms = next;
      for (const lease of leases.values()) moveDeadline(lease);
    },
    hold(attempt, renewalSentAtBootMs) {
      leases.set(attempt.attemptId, { attempt, renewalSentAtBootMs });
    },
    renewed,
    heartbeatAnswered(reply, sentAtBootMs) {
      for (const attemptId of reply.renewedAttemptIds) renewed(attemptId, sentAtBootMs);
      for (const attemptId of reply.revokedAttemptIds)
        leases.get(attemptId)?.attempt.revoke("the lease was not renewed");
    },
    deadlineBootMs(attemptId, job) {
      const lease = leases.get(attemptId);
      if (lease === undefined) throw new Error(`no lease is held for attempt ${attemptId}`);
      lease.deadlineBootMs = decide(lease, job);
      return lease.deadlineBootMs;
    },
    watch(attemptId, job) {
      const lease = leases.get(attemptId);
      if (lease === undefined) return;
      lease.job = job;
      moveDeadline(lease);
    },
    unwatch(attemptId) {
      const lease = leases.get(attemptId);
      if (lease !== undefined) delete lease.job;
    },
    release(attemptId) {
      leases.delete(attemptId);
    },
  };
}
