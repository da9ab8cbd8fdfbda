import { expect, test } from "vitest";
import { checkTerminalStates, type HistoryEvent } from "./check-terminal-states.ts";

const event = (kind: string, more: Partial<HistoryEvent> = {}): HistoryEvent => ({
  kind,
  run_id: 1,
  job_id: 2,
  attempt_id: kind.startsWith("attempt_") || kind.startsWith("step_") ? "a1" : null,
  data: {},
  ...more,
});
const step = (kind: string, stepNo: number) => event(kind, { data: { step_no: stepNo } });

const GOOD = [
  event("run_running"),
  event("job_queued"),
  event("attempt_offered"),
  event("job_leased"),
  event("attempt_started"),
  event("job_running"),
  step("step_running", 0),
  step("step_finished", 0),
  event("attempt_finished"),
  event("job_finished"),
  event("run_finished"),
];

test("a history in which everything ends once is sound, and so is one with a rerun", () => {
  expect(checkTerminalStates(GOOD)).toEqual([]);
  const again = { job_id: 3, attempt_id: "a2" };
  expect(
    checkTerminalStates([
      ...GOOD,
      event("run_running"),
      event("job_blocked", again),
      event("job_finished", again),
      event("run_finished"),
    ]),
  ).toEqual([]);
});

test.each([
  ["a job that goes back to the queue", event("job_queued"), "I2: job 2 had job_queued after job_finished"],
  ["an attempt with two ends", event("attempt_lost"), "I2: attempt a1 had attempt_lost after attempt_finished"],
  ["a late fact", step("step_running", 1), "I3: attempt a1 had step_running after attempt_finished"],
  ["a run with two ends", event("run_finished"), "I2: run 1 had run_finished after run_finished"],
])("%s is found", (_, late, sentence) => {
  expect(checkTerminalStates([...GOOD, late])).toContain(sentence);
});

test("a step that ends twice is found", () => {
  const twice = [step("step_finished", 0), step("step_finished", 0)];
  expect(checkTerminalStates(twice)).toEqual(["I3: step 0 of attempt a1 had step_finished after step_finished"]);
});
