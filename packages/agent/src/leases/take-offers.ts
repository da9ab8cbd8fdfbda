import { failpoint, type Logger } from "@windrow/service";
import type { Offer, OfferAnswer } from "@windrow/wire";
import { type AttemptMemory, freshMemory } from "../journal/attempt-memory.ts";
import type { Journal } from "../journal/journal.ts";
import type { AcceptedRecord } from "../journal/journal-records.ts";
import { decideOffer } from "./decide-offer.ts";
import type { HeldAttempt } from "./held-attempt.ts";
import type { HeldAttempts } from "./held-attempts.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";

export interface TakeOffersOptions {
  readonly held: HeldAttempts;
  readonly journal: Journal;
  readonly keeper: LeaseKeeper;
  readonly bootClockMs: () => number;
  readonly logger: Logger;
  readonly isDraining: () => boolean;
  readonly isDiskFull: () => boolean;
  /** It cannot run jobs as its pool asks. */
  readonly isUnfit?: () => boolean;
  readonly onAccepted: (attempt: HeldAttempt, memory: AttemptMemory) => void;
}

/**
 * Answers offers, whichever way they came. What was accepted is on the disk before anybody hears of it, so that an agent
 * that dies in between still knows what it took.
 */
export function createOfferTaker(options: TakeOffersOptions): (offer: Offer) => Promise<OfferAnswer> {
  const { held, journal, keeper, logger } = options;
  return async (offer) => {
    await failpoint("agent.before-accept");
    const { attemptId, leaseId, jobId, attemptNo, fence } = offer;
    const decision = decideOffer(offer, held, {
      draining: options.isDraining(),
      diskFull: options.isDiskFull(),
      isUnfit: options.isUnfit?.() ?? false,
    });
    if (decision.kind === "decline") {
      logger.info({ attempt: attemptId, reason: decision.reason }, "offer declined");
      return { attemptId, leaseId, accepted: false, declineReason: decision.reason };
    }
    if (decision.kind === "accept") {
      const attempt = held.add({ attemptId, leaseId, jobId, attemptNo, fence });
      if (attempt === undefined) return { attemptId, leaseId, accepted: false, declineReason: "no_free_slot" };
      const { slotNo } = attempt;
      const record: AcceptedRecord = {
        kind: "accepted",
        attemptId,
        leaseId,
        fence: `${fence}`,
        jobId,
        attemptNo,
        slotNo,
      };
      // An offer is not a renewal: until the start is answered nothing runs, and nothing is trusted.
      keeper.hold(attempt, options.bootClockMs());
      try {
        journal.append(record);
        await journal.sync();
      } catch (error) {
        logger.error({ err: error, attempt: attemptId }, "the journal cannot be written");
        keeper.release(attemptId);
        held.release(attemptId);
        return { attemptId, leaseId, accepted: false, declineReason: "disk_full" };
      }
      options.onAccepted(attempt, freshMemory(record));
    } else {
      await journal.sync();
    }
    return { attemptId, leaseId, accepted: true };
  };
}
