import { expect, it } from "vitest";
import { partKey } from "../journal/attempt-memory.ts";
import type { StepResult } from "../journal/journal-records.ts";
import { countKeptBytes } from "./kept-bytes.ts";

const result = (bytesCount: number, more: Partial<StepResult> = {}): StepResult => ({
  stepNo: 0,
  name: "step",
  outcome: "succeeded",
  conclusion: "success",
  outputs: { o: "x".repeat(bytesCount - 1) },
  env: [],
  paths: [],
  startedAtMs: 0,
  finishedAtMs: 0,
  parts: [],
  ...more,
});

it("counts what all steps leave, of each kind", () => {
  const kept = countKeptBytes({ stepsEnded: new Map(), parts: new Map() }, 40);
  expect(kept.add({ outputs: { a: "123456789" }, env: [["b", "123456789"]] })).toBe(true);
  expect(kept.add({ paths: ["1234567890"], state: { c: "123456789" } })).toBe(true);
  expect(kept.add({})).toBe(true);
  expect(kept.add({ outputs: { d: "" } })).toBe(false);
  expect(kept.add({})).toBe(true);
});

it("counts names too, a variable once however often it is set", () => {
  const kept = countKeptBytes({ stepsEnded: new Map(), parts: new Map() });
  const variables = (from: number) => Array.from({ length: 6_000 }, (_, index) => [`v${from + index}`, "x"] as const);
  for (let round = 0; round < 5; round++) expect(kept.add({ env: variables(0) })).toBe(true);
  expect(kept.add({ env: variables(10_000) })).toBe(false);
  expect(kept.add({ outputs: { o: "still room" } })).toBe(true);
});

it("goes on where an earlier process of the agent was, with nothing counted twice", () => {
  const parts = new Map([
    [partKey(1, 1), { result: result(20, { innerPartsCount: 1 }) }],
    [partKey(1, 2), { result: result(20) }],
  ]);
  const stepsEnded = new Map([
    [0, result(10)],
    [1, result(20)],
  ]);
  const kept = countKeptBytes({ stepsEnded, parts }, 40);
  expect(kept.add({ outputs: { a: "123456789" } })).toBe(true);
  expect(kept.add({ outputs: { a: "" } })).toBe(false);
});
