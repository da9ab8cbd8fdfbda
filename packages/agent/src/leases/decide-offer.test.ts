import { asAttemptId, asJobId, asLeaseId } from "@windrow/model";
import { describe, expect, it } from "vitest";
import { decideOffer } from "./decide-offer.ts";
import { createHeldAttempts, RELEASED_REMEMBERED_MAX } from "./held-attempts.ts";

const offer = (attempt: string, options: { fence?: bigint; lease?: string; jobId?: number } = {}) => ({
  attemptId: asAttemptId(attempt),
  leaseId: asLeaseId(options.lease ?? `lease-${attempt}`),
  fence: options.fence ?? 10n,
  jobId: asJobId(options.jobId ?? 1),
  attemptNo: 1,
  expiresInMs: 10_000,
});
const ready = { draining: false, diskFull: false };

describe("offer decision", () => {
  it("takes an offer when there is a free slot", () => {
    expect(decideOffer(offer("a"), createHeldAttempts(1), ready)).toEqual({ kind: "accept" });
  });

  it("says again what it said before when the offer comes twice", () => {
    const held = createHeldAttempts(1);
    held.add(offer("a"));
    expect(decideOffer(offer("a"), held, ready)).toEqual({ kind: "accepted_before" });
  });

  it("turns down the same attempt under another lease", () => {
    const held = createHeldAttempts(2);
    held.add(offer("a"));
    expect(decideOffer(offer("a", { lease: "other" }), held, ready)).toEqual({
      kind: "decline",
      reason: "stale_fence",
    });
  });

  it("turns down an offer older than one it had of the same job", () => {
    const held = createHeldAttempts(2);
    held.add(offer("b", { fence: 11n }));
    expect(decideOffer(offer("a", { fence: 10n }), held, ready)).toEqual({ kind: "decline", reason: "stale_fence" });
    expect(decideOffer(offer("c", { fence: 12n }), held, ready)).toEqual({ kind: "accept" });
    expect(decideOffer(offer("d", { fence: 1n, jobId: 2 }), held, ready)).toEqual({ kind: "accept" });
  });

  it("turns down an attempt it was released from", () => {
    const held = createHeldAttempts(1);
    held.add(offer("a"));
    held.release(asAttemptId("a"));
    expect(decideOffer(offer("a"), held, ready)).toEqual({ kind: "decline", reason: "stale_fence" });
  });

  it("turns down offers without a free slot, while draining and with a full disk", () => {
    const held = createHeldAttempts(1);
    expect(decideOffer(offer("a"), held, { ...ready, draining: true })).toMatchObject({ reason: "draining" });
    expect(decideOffer(offer("a"), held, { ...ready, diskFull: true })).toMatchObject({ reason: "disk_full" });
    held.add(offer("b", { jobId: 2 }));
    expect(decideOffer(offer("a"), held, ready)).toEqual({ kind: "decline", reason: "no_free_slot" });
    held.freeSlot(asAttemptId("b"));
    expect(decideOffer(offer("a"), held, ready)).toEqual({ kind: "accept" });
  });

  it("remembers a bounded number of attempts", () => {
    const held = createHeldAttempts(1);
    for (let index = 0; index <= RELEASED_REMEMBERED_MAX; index++) {
      held.add(offer(`a${index}`, { jobId: index }));
      held.release(asAttemptId(`a${index}`));
    }
    expect(held.wasReleased(asAttemptId("a0"))).toBe(false);
    expect(held.wasReleased(asAttemptId("a1"))).toBe(true);
    expect(held.fenceOf(asJobId(0))).toBeUndefined();
  });
});
