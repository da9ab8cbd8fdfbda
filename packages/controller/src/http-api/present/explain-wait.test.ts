import type { JobView } from "@windrow/store";
import { describe, expect, it } from "vitest";
import { explainWait } from "./explain-wait.ts";

const AT = new Date(0);

function job(given: Partial<JobView>): JobView {
  return {
    id: 1,
    run_id: 1,
    run_attempt: 1,
    repository_id: 1,
    owner: "me",
    repository: "me/app",
    kind: "ordinary",
    parent_job_id: null,
    run_waiting_reason: null,
    key: "test",
    name: "test",
    matrix: {},
    labels: ["linux"],
    label_set_id: 7,
    needs: [],
    trust: "trusted",
    state: "queued",
    outcome: null,
    conclusion: null,
    reason: null,
    message: null,
    preferred_pool: null,
    attempt_count: 0,
    not_before: null,
    held_reason: null,
    max_parallel: null,
    cancel_requested_at: null,
    timeout_ms: 1,
    outputs: {},
    created_at: AT,
    queued_at: AT,
    started_at: null,
    finished_at: null,
    pool: null,
    agent: null,
    ...given,
  };
}

describe("why a queued job waits", () => {
  const cover = {
    label_set_id: 7,
    labels: ["linux"],
    agents_known: 1,
    agents_ready: 1,
    pools_paused: 0,
    slots_free: 1,
  };
  const explain = (queued: JobView, others: readonly JobView[], slotsFree = 1) =>
    explainWait(queued, {
      jobsById: new Map([queued, ...others].map((one) => [one.id, one])),
      coverByLabelSet: new Map([[7, { ...cover, slots_free: slotsFree }]]),
    });

  it("is the limit of its matrix while as many of it run as may, and not before", () => {
    const queued = job({ max_parallel: 1 });
    expect(explain(queued, [job({ id: 2, state: "running", max_parallel: 1 })])).toBe(
      "only one job of its matrix may run at a time",
    );
    expect(explain(queued, [job({ id: 2, state: "finished", max_parallel: 1 })])).toBe(
      "it is about to be offered to an agent",
    );
    expect(explain(queued, [job({ id: 2, state: "running", key: "other" })])).toBe(
      "it is about to be offered to an agent",
    );
  });

  it("is the agents otherwise", () => {
    expect(explain(job({}), [], 0)).toBe("the agent with the labels linux is busy");
  });
});
