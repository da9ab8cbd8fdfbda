import { describe, expect, it } from "vitest";
import { decideFinish } from "./decide-finish.ts";

const facts = { infraRetriesUsed: 0, infraRetriesMax: 1, cancelRequested: false, exclusive: false, leaseLeftMs: 0 };

describe("decideFinish", () => {
  it.each([
    ["success stands", "succeeded", "succeeded", {}, { kind: "finish", outcome: "succeeded" }],
    ["a failed step stands", "failed", "step_failed", {}, { kind: "finish", outcome: "failed" }],
    [
      "success stands though a cancel was asked",
      "succeeded",
      "succeeded",
      { cancelRequested: true },
      { kind: "finish", outcome: "succeeded" },
    ],
    ["a time-out stands", "timed_out", "timeout", {}, { kind: "finish", outcome: "timed_out" }],
    ["the farm's fault is tried again", "failed", "infra_fault", {}, { kind: "requeue", delayMs: 0 }],
    [
      "the farm's fault ends lost when the budget is spent",
      "failed",
      "infra_fault",
      { infraRetriesUsed: 1 },
      { kind: "finish", outcome: "lost" },
    ],
    [
      "the farm's fault in a cancelled job ends cancelled",
      "failed",
      "infra_fault",
      { cancelRequested: true },
      { kind: "finish", outcome: "cancelled" },
    ],
    [
      "a job given back goes on elsewhere though the budget is spent",
      "lost",
      "agent_stopping",
      { infraRetriesUsed: 1 },
      { kind: "requeue", delayMs: 0 },
    ],
    [
      "a job given back after a cancel ends cancelled",
      "lost",
      "agent_stopping",
      { cancelRequested: true },
      { kind: "finish", outcome: "cancelled" },
    ],
    ["an agent that says lost means the farm's fault", "lost", "supervisor_gone", {}, { kind: "requeue", delayMs: 0 }],
  ] as const)("%s", (_, outcome, reason, change, expected) => {
    expect(decideFinish({ outcome, reason }, { ...facts, ...change })).toEqual(expected);
  });
});
