import { expect, test } from "vitest";
import { checkExecutions, type Execution } from "./check-executions.ts";

const job = { id: 1, outcome: "succeeded", isCopied: false };
const attempt = (no: number, more: Partial<Execution> = {}): Execution => ({
  no,
  state: "finished",
  reason: null,
  isStarted: true,
  stepsBegunCount: 1,
  ...more,
});
const lost = (no: number) => attempt(no, { state: "lost", reason: "agent_lost" });

test("a job that ran once, or once more for every loss, is sound", () => {
  expect(checkExecutions(job, [attempt(1)])).toEqual([]);
  expect(checkExecutions(job, [lost(1), attempt(2, { reason: "agent_stopping" }), attempt(3)])).toEqual([]);
  expect(
    checkExecutions(job, [attempt(1, { state: "expired", isStarted: false, stepsBegunCount: 0 }), attempt(2)]),
  ).toEqual([]);
  expect(checkExecutions({ ...job, isCopied: true }, [])).toEqual([]);
});

test("a job that ran twice, in an attempt that was not started, or never, is told", () => {
  expect(checkExecutions({ ...job, outcome: "failed" }, [attempt(1), attempt(2)])).toEqual([
    "I5: steps of job 1 began in 2 attempts, with 0 lost ones",
  ]);
  expect(checkExecutions(job, [attempt(1, { state: "expired", isStarted: false }), attempt(2)])[1]).toContain(
    "never started",
  );
  expect(checkExecutions(job, [lost(1)])).toEqual(["I5: job 1 succeeded with 0 accepted results"]);
});
