import { describe, expect, it } from "vitest";
import { asJobId, asRepositoryId } from "./ids.ts";
import { TOP_PRIORITY } from "./match-offers.ts";
import { plainShare } from "./queue-facts.ts";
import { rankQueue } from "./rank-queue.ts";

const job = (id: number, change: { owner?: string; priority?: number; waitedMs?: number; labels?: string[] } = {}) => {
  const { owner = "me", priority = 0, waitedMs = 1_000 - id, labels = ["linux"] } = change;
  const repositoryId = asRepositoryId(owner === "me" ? 1 : 2);
  return {
    jobId: asJobId(id),
    repositoryId,
    owner,
    labels,
    priority,
    waitedMs,
    preferredPool: null,
    trust: "trusted" as const,
  };
};

describe("the order of the queue", () => {
  it.each([
    ["who waited longest", [job(2), job(1), job(3)], [1, 2, 3]],
    [
      "a job moved to the top, the last one moved before the others",
      [job(1), job(2, { priority: TOP_PRIORITY }), job(3, { priority: TOP_PRIORITY + 1 })],
      [3, 2, 1],
    ],
    ["owners in turn", [job(1), job(2), job(3), job(4, { owner: "you" })], [1, 4, 2, 3]],
    ["jobs of all labels", [job(1, { labels: ["gpu"] }), job(2)], [1, 2]],
  ])("is as matching grants: %s", (_, jobs, order) => {
    expect(rankQueue(jobs, new Map())).toEqual(order);
  });

  it("counts what owners have open, and no limit", () => {
    const shares = new Map([
      [asRepositoryId(1), { ...plainShare("me"), ownerOpen: 3, open: 3, jobsLeft: 0 }],
      [asRepositoryId(2), plainShare("you")],
    ]);
    expect(rankQueue([job(1), job(2, { owner: "you" }), job(3, { owner: "you" })], shares)).toEqual([2, 3, 1]);
  });
});
