import { expect, test } from "vitest";
import { checkIdleAgents, type QueueEvent } from "./check-idle-agents.ts";

const at = (seconds: number, kind: string, more: Partial<QueueEvent> = {}): QueueEvent => ({
  kind,
  atMs: seconds * 1_000,
  job_id: kind.startsWith("job_") ? 1 : null,
  attempt_id: kind.startsWith("attempt_") ? "t1" : null,
  agent_id: kind.startsWith("agent_") || kind.startsWith("attempt_") ? "a1" : null,
  data: {},
  ...more,
});
const facts = {
  jobs: new Map([[1, ["linux"]]]),
  agents: new Map([
    ["a1", { labels: ["linux", "node"], slots: 1 }],
    ["a2", { labels: ["windows"], slots: 1 }],
  ]),
  besideMsMax: 10_000,
};
const granted = (seconds: number) => [at(seconds, "attempt_offered"), at(seconds, "job_leased")];

test("a job that stays queued beside an idle agent is told, with how long and beside whom", () => {
  expect(checkIdleAgents([at(0, "agent_ready"), at(1, "job_queued"), ...granted(12)], facts)).toEqual([
    "I7: job 1 was queued for 11000 ms beside the idle agent a1",
  ]);
});

test.each([
  ["it is granted soon enough", [at(0, "agent_ready"), at(1, "job_queued"), ...granted(10)]],
  ["the agent came late", [at(0, "job_queued"), at(60, "agent_ready"), ...granted(61)]],
  ["the agent has other labels", [at(0, "agent_ready", { agent_id: "a2" }), at(1, "job_queued"), at(60, "run_x")]],
  [
    "the agent was busy",
    [
      at(0, "agent_ready"),
      at(1, "attempt_offered", { attempt_id: "t0" }),
      at(2, "job_queued"),
      at(60, "attempt_finished", { attempt_id: "t0" }),
      ...granted(61),
    ],
  ],
  [
    "the agent was away in between",
    [at(0, "agent_ready"), at(1, "job_queued"), at(6, "agent_suspect"), at(20, "agent_ready"), ...granted(26)],
  ],
  [
    "the job pauses after a loss",
    [at(0, "agent_ready"), at(1, "job_queued", { data: { delayMs: 15_000 } }), ...granted(17)],
  ],
])("nothing is told when %s", (_case, events) => {
  expect(checkIdleAgents(events, facts)).toEqual([]);
});

test("a job that is never granted is told at the end of the history", () => {
  const events = [at(0, "agent_ready"), at(1, "job_queued"), at(30, "run_x")];
  expect(checkIdleAgents(events, facts)).toHaveLength(1);
});
