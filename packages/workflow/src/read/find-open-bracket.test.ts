import { expect, it } from "vitest";
import { parseWorkflow } from "../parse-workflow.ts";
import { findOpenBracket } from "./find-open-bracket.ts";

it.each([
  ["on:\n  push:\n    branches: [main\n    tags: [v1]\n", 3, 15, "]"],
  ["on: {push: {branches: [a, b}, x: 1}\n", 1, 5, "}"],
  ["a: [x, {y: 1]\nb: 2\n", 1, 4, "]"],
  ["a: {x: [1]\n", 1, 4, "}"],
  ["a:\n  - [1, 2]\n  - [3\n", 3, 5, "]"],
])("%j is open at %d:%d", (text, line, column, closing) => {
  expect(findOpenBracket(text)).toEqual({ position: { line, column }, closing });
});

it.each(["a: [1, 2]\nb: {c: [d]}\n", "a: '['\n", "a: |\n  [x\n", "", "# [\n"])("%j has none", (text) => {
  expect(findOpenBracket(text)).toBeUndefined();
});

it("a workflow with a lost bracket is refused at the bracket that is open, and for nothing else", () => {
  const text = "on:\n  push:\n    branches: [main\n    tags: [v1]\njobs:\n  a: {runs-on: x, steps: [{run: make}]}\n";
  expect(parseWorkflow({ path: "ci.yml", text }).diagnostics).toMatchObject([
    { severity: "error", code: "yaml", message: "broken YAML: the '[' here is never closed", line: 3, column: 15 },
  ]);
});
