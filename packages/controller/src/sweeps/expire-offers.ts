import { findExpiredOffers } from "@windrow/store";
import { expireOffer } from "../runs/end-offer.ts";
import { endEach } from "./end-each.ts";
import type { SweepDeps } from "./sweep-deps.ts";

/** Puts jobs back into the queue whose offer nobody started in time. */
export async function expireOffers(deps: SweepDeps): Promise<void> {
  await endEach(deps, await findExpiredOffers(deps.db), ({ attemptId }) => expireOffer(deps, attemptId));
}
