/** What a welcome says about leases; all in ms. */
export interface LeaseTerms {
  readonly leaseTtlMs: number;
  readonly leaseMarginMs: number;
  readonly orphanGraceMs: number;
}

/** One lease as its holder sees it; all on one clock that never goes back. */
export interface LeaseFacts {
  /** When the last renewal that succeeded was *sent*: the controller counts from a later moment, never an earlier one. */
  readonly renewalSentAtMs: number;
  readonly jobStartedAtMs: number;
  readonly jobTimeoutMs: number;
  readonly exclusive: boolean;
  /** How long ending the job may take: interrupt and terminate together. */
  readonly cancelGraceMs: number;
}

/** The moment until which the holder may believe that nobody else has the job. */
export function trustedUntilMs(renewalSentAtMs: number, terms: LeaseTerms): number {
  return renewalSentAtMs + terms.leaseTtlMs - terms.leaseMarginMs;
}

/**
 * When the supervisor must begin to end the job by itself, agent or no agent. An exclusive job must be gone when trust
 * ends, so its ending begins a cancel grace earlier; an ordinary one may go on without contact for the orphan grace.
 * Neither outlives its own timeout by more than `TIMEOUT_SLACK_MS`, which leaves the agent the first word on a timeout.
 */
export function decideJobDeadlineMs(facts: LeaseFacts, terms: LeaseTerms): number {
  const timeoutAtMs = facts.jobStartedAtMs + facts.jobTimeoutMs + TIMEOUT_SLACK_MS;
  const contactEndsAtMs = facts.exclusive
    ? trustedUntilMs(facts.renewalSentAtMs, terms) - facts.cancelGraceMs
    : facts.renewalSentAtMs + terms.orphanGraceMs;
  return Math.min(timeoutAtMs, contactEndsAtMs);
}

export const TIMEOUT_SLACK_MS = 2_000;
