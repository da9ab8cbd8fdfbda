import { expect, it } from "vitest";
import { asJobId } from "./ids.ts";
import { lookAhead } from "./look-ahead.ts";

const blocked = (id: number, needs: number[], expectedMs = 1_000) => ({
  jobId: asJobId(id),
  needs: needs.map(asJobId),
  expectedMs,
});
const ends = (times: Record<number, number>) =>
  new Map(Object.entries(times).map(([id, ms]) => [asJobId(Number(id)), ms]));

it("a job is ready when the last of its needs ends", () => {
  expect([...lookAhead([blocked(3, [1, 2])], ends({ 1: 500, 2: 900 }))]).toEqual([[3, 900]]);
});

it("chains add up, a few links far", () => {
  const chain = [1, 2, 3, 4, 5, 6].map((id) => blocked(id, [id - 1]));
  expect([...lookAhead(chain, ends({ 0: 100 }))]).toEqual([
    [1, 100],
    [2, 1_100],
    [3, 2_100],
    [4, 3_100],
  ]);
});

it("what needs something unknown is left out", () => {
  expect([...lookAhead([blocked(2, [1, 9])], ends({ 1: 100 }))]).toEqual([]);
});
