import { expect, test } from "vitest";
import { comingBackMs, ownReconnectWindowMs, reconnectWindowMs } from "./reconnect-window.ts";

test.each([
  [0, 2_500, 0],
  [500, 2_500, 0],
  [1_000, 5_000, 15_000],
  [2_000, 10_000, 30_000],
  [100_000, 60_000, 180_000],
])("F31: with %i sessions agents spread over %i ms, and leases hold %i ms longer", (count, windowMs, longerMs) => {
  expect(reconnectWindowMs(count)).toBe(windowMs);
  expect(comingBackMs(count)).toBe(longerMs);
});

test.each([
  [2_500, 30_000, 2_500],
  [20_000, 30_000, 10_000],
  [20_000, 90_000, 20_000],
  [2_500, 3_000, 1_000],
  [0, 3_000, 500],
  [0, 30_000, 2_500],
])("an agent that was asked for %i ms under a lease of %i ms spreads over %i ms", (askedMs, leaseTtlMs, ownMs) => {
  expect(ownReconnectWindowMs(askedMs, leaseTtlMs)).toBe(ownMs);
});
