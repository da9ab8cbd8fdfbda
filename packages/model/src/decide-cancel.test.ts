import { expect, it } from "vitest";
import { decideCancel } from "./decide-cancel.ts";
import { JOB_STATES, type JobState } from "./states.ts";

const ANSWERS: Record<JobState, "end" | "ask" | "leave"> = {
  blocked: "end",
  queued: "end",
  leased: "ask",
  running: "ask",
  finished: "leave",
};

it.each(JOB_STATES)("a cancelled run has an answer for a job that is %s", (state) => {
  expect(decideCancel({ state, kind: "ordinary", isWanted: false, isAgain: false })).toBe(ANSWERS[state]);
  expect(decideCancel({ state, kind: "ordinary", isWanted: true, isAgain: false })).toBe("leave");
  expect(decideCancel({ state, kind: "ordinary", isWanted: true, isAgain: true })).toBe(ANSWERS[state]);
});

it("a call that is open ends with the jobs inside it, one that is not open ends at once", () => {
  expect(decideCancel({ state: "running", kind: "call", isWanted: false, isAgain: false })).toBe("leave");
  expect(decideCancel({ state: "blocked", kind: "call", isWanted: false, isAgain: false })).toBe("end");
});
