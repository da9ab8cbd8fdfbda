import { findExpiredOffers } from "@windrow/store";
import { expireOffer } from "../runs/end-offer.ts";
import type { SweepDeps } from "./sweep-deps.ts";

/** Puts jobs back into the queue whose offer nobody started in time. */
export async function expireOffers(deps: SweepDeps): Promise<void> {
  for (const { attemptId } of await findExpiredOffers(deps.db)) {
    const advanced = await expireOffer(deps, attemptId);
    if (advanced !== undefined) deps.announcer.announce(advanced);
  }
}
