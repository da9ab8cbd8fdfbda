import { describe, expect, it } from "vitest";
import { BRAKE_HOLD_MS, decideExpiryBrake } from "./decide-expiry-brake.ts";

const nowMs = 1_000_000_000;
const hold = (untilMs: number, alert: boolean) => ({ kind: "hold", untilMs, alert });
const expire = { kind: "expire" };

describe("decideExpiryBrake", () => {
  it.each([
    ["three of three: too small a pool to tell", 3, 3, null, expire],
    ["two of four is not more than half", 4, 2, null, expire],
    ["three of four holds and alerts", 4, 3, null, hold(nowMs + BRAKE_HOLD_MS, true)],
    ["a hold goes on without a second alert", 4, 4, nowMs + 1, hold(nowMs + 1, false)],
    ["a hold that ran out lets the pool go", 4, 4, nowMs, expire],
    ["and holds again only much later", 4, 4, nowMs - BRAKE_HOLD_MS, hold(nowMs + BRAKE_HOLD_MS, true)],
    ["the agents are back", 4, 1, nowMs + 1, expire],
  ] as const)("%s", (_, agentsCount, lostCount, heldUntilMs, expected) => {
    expect(decideExpiryBrake({ agentsCount, lostCount, heldUntilMs, nowMs })).toEqual(expected);
  });
});
