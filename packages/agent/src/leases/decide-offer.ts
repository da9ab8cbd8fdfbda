import type { DeclineReason, Offer } from "@windrow/wire";
import type { HeldAttempts } from "./held-attempts.ts";

/** What to do about an offer: take it, say again that it was taken, or turn it down. */
export type OfferDecision =
  | { readonly kind: "accept" }
  | { readonly kind: "accepted_before" }
  | { readonly kind: "decline"; readonly reason: DeclineReason };

/** Offers may arrive many times, late, and by two ways at once. */
export function decideOffer(
  offer: Offer,
  held: Pick<HeldAttempts, "get" | "wasReleased" | "fenceOf" | "freeSlotsCount">,
  agent: { readonly draining: boolean; readonly diskFull: boolean; readonly isUnfit?: boolean },
): OfferDecision {
  const known = held.get(offer.attemptId);
  if (known !== undefined) {
    return known.leaseId === offer.leaseId ? { kind: "accepted_before" } : { kind: "decline", reason: "stale_fence" };
  }
  const newest = held.fenceOf(offer.jobId);
  if (held.wasReleased(offer.attemptId) || (newest !== undefined && offer.fence <= newest)) {
    return { kind: "decline", reason: "stale_fence" };
  }
  if (agent.draining) return { kind: "decline", reason: "draining" };
  if (agent.isUnfit === true) return { kind: "decline", reason: "unfit" };
  if (agent.diskFull) return { kind: "decline", reason: "disk_full" };
  if (held.freeSlotsCount === 0) return { kind: "decline", reason: "no_free_slot" };
  return { kind: "accept" };
}
