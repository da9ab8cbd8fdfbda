import { describe, expect, it } from "vitest";
import { decideJobDeadlineMs, trustedUntilMs } from "./lease-trust.ts";

const terms = { leaseTtlMs: 30_000, leaseMarginMs: 2_000, orphanGraceMs: 600_000 };
const ordinary = {
  renewalSentAtMs: 100_000,
  jobStartedAtMs: 90_000,
  jobTimeoutMs: 21_600_000,
  exclusive: false,
  cancelGraceMs: 10_000,
};

describe("lease trust", () => {
  it("counts from when the renewal was sent and stops a margin before the row expires", () => {
    expect(trustedUntilMs(100_000, terms)).toBe(128_000);
  });

  it("lets an ordinary job go on for the orphan grace after the last contact", () => {
    expect(decideJobDeadlineMs(ordinary, terms)).toBe(700_000);
  });

  it("ends an exclusive job so early that it is gone when trust ends", () => {
    expect(decideJobDeadlineMs({ ...ordinary, exclusive: true }, terms)).toBe(118_000);
  });

  it("never lets a job outlive its timeout, exclusive or not", () => {
    expect(decideJobDeadlineMs({ ...ordinary, jobTimeoutMs: 20_000 }, terms)).toBe(112_000);
    expect(decideJobDeadlineMs({ ...ordinary, exclusive: true, jobTimeoutMs: 15_000 }, terms)).toBe(107_000);
  });

  it("moves on with every renewal", () => {
    const later = { ...ordinary, renewalSentAtMs: 105_000, exclusive: true };
    expect(decideJobDeadlineMs(later, terms) - decideJobDeadlineMs({ ...later, renewalSentAtMs: 100_000 }, terms)).toBe(
      5_000,
    );
  });
});
