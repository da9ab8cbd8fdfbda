import type { AttemptId, LeaseId } from "@windrow/model";
import { inTransaction, lockAttempt, suspectDeafAgent } from "@windrow/store";
import type { Advanced } from "./advance-run.ts";
import { type EndDeps, endAttemptAndAdvance, releaseJob } from "./end-attempt-run.ts";

/** Ends an offer that the agent declined; undefined when it is no open offer (any more). */
export function declineOffer(
  deps: EndDeps,
  offer: {
    readonly attemptId: AttemptId;
    readonly leaseId: LeaseId;
    readonly agentId: string;
    readonly reason: string;
  },
): Promise<Advanced | undefined> {
  return inTransaction(deps.db, async (tx) => {
    const locked = await lockAttempt(tx, offer.attemptId);
    if (locked?.state !== "offered" || locked.leaseId !== offer.leaseId || locked.agentId !== offer.agentId)
      return undefined;
    return endAttemptAndAdvance(tx, deps, { locked, how: "decline", reason: offer.reason, job: releaseJob(locked) });
  });
}

/** Ends an offer that nobody started in time; undefined when it was started meanwhile. */
export function expireOffer(deps: EndDeps, attemptId: AttemptId): Promise<Advanced | undefined> {
  return inTransaction(deps.db, async (tx) => {
    const locked = await lockAttempt(tx, attemptId);
    if (locked?.state !== "offered" || !locked.offerIsOver) return undefined;
    const end = { locked, how: "expire", reason: "offer_expired", job: releaseJob(locked) } as const;
    const advanced = await endAttemptAndAdvance(tx, deps, end);
    await suspectDeafAgent(tx, locked.agentId);
    return advanced;
  });
}

/** Fails the job of an offer that no agent could ever start; undefined when it is no open offer of the caller's. */
export function failOffer(
  deps: EndDeps,
  offer: {
    readonly attemptId: AttemptId;
    readonly leaseId: LeaseId;
    readonly agentId: string;
    readonly message: string;
  },
): Promise<Advanced | undefined> {
  return inTransaction(deps.db, async (tx) => {
    const locked = await lockAttempt(tx, offer.attemptId);
    if (locked?.state !== "offered" || locked.leaseId !== offer.leaseId || locked.agentId !== offer.agentId)
      return undefined;
    const reason = "diagnostic";
    const job = { kind: "finish", outcome: "failed", reason, message: offer.message } as const;
    return endAttemptAndAdvance(tx, deps, { locked, how: "revoke", reason, job });
  });
}
