import { describe, expect, it } from "vitest";
import { decideFailFast, type MatrixSibling } from "./decide-fail-fast.ts";
import { asJobId } from "./ids.ts";

const job = (id: number, change: Partial<MatrixSibling> = {}): MatrixSibling => ({
  id: asJobId(id),
  key: "test",
  state: "queued",
  conclusion: null,
  failFast: true,
  continueOnError: false,
  matrixTotal: 3,
  isCopied: false,
  ...change,
});
const failed: Partial<MatrixSibling> = { state: "finished", conclusion: "failure" };

describe("decideFailFast", () => {
  it.each([
    ["nothing failed", [job(1), job(2)], []],
    ["a failure takes queued and running siblings", [job(1, failed), job(2), job(3, { state: "running" })], [2, 3]],
    ["finished siblings stay as they are", [job(1, failed), job(2, { state: "finished", conclusion: "success" })], []],
    ["another job's matrix is not touched", [job(1, failed), job(2, { key: "lint" })], []],
    ["fail-fast: false", [job(1, { ...failed, failFast: false }), job(2, { failFast: false })], []],
    ["continue-on-error", [job(1, { ...failed, continueOnError: true }), job(2)], []],
    ["a failure of an earlier attempt of the run", [job(1, { ...failed, isCopied: true }), job(2)], []],
    ["a cancelled sibling is no failure", [job(1, { state: "finished", conclusion: "cancelled" }), job(2)], []],
  ] as const)("%s", (_, jobs, expected) => {
    expect(decideFailFast(jobs)).toEqual(expected);
  });
});
