import { describe, expect, it } from "vitest";
import { decideLost, type LostFacts } from "./decide-lost.ts";

const facts: LostFacts = {
  infraRetriesUsed: 0,
  infraRetriesMax: 2,
  cancelRequested: false,
  exclusive: false,
  leaseLeftMs: 0,
};

describe("decideLost", () => {
  it.each([
    ["the first loss requeues at once", {}, { kind: "requeue", delayMs: 0 }],
    ["the second loss waits a little", { infraRetriesUsed: 1 }, { kind: "requeue", delayMs: 5_000 }],
    ["a spent budget ends the job lost", { infraRetriesUsed: 2 }, { kind: "finish", outcome: "lost" }],
    ["no budget at all ends the job lost", { infraRetriesMax: 0 }, { kind: "finish", outcome: "lost" }],
    ["a cancelled job is not requeued", { cancelRequested: true }, { kind: "finish", outcome: "cancelled" }],
    [
      "cancel wins over a spent budget",
      { cancelRequested: true, infraRetriesUsed: 9 },
      { kind: "finish", outcome: "cancelled" },
    ],
    [
      "an ordinary job does not wait for the lease to run out",
      { leaseLeftMs: 20_000 },
      { kind: "requeue", delayMs: 0 },
    ],
    ["an exclusive job does", { leaseLeftMs: 20_000, exclusive: true }, { kind: "requeue", delayMs: 20_000 }],
  ] as const)("%s", (_, change, expected) => {
    expect(decideLost({ ...facts, ...change })).toEqual(expected);
  });
});
