import { parseWorkflow } from "@windrow/workflow";
import { expect, test } from "vitest";
import { mayOutlive } from "./choose-cancelled.ts";

test.each([
  ["always()", true],
  ["Always ( )", true],
  ["'!CANCELLED()'", true],
  ["success() || failure()", false],
  ["github.ref == 'x'", false],
])("a job with the condition %s may go on after a cancel: %s", (condition, expected) => {
  const text = `on: push\njobs: {a: {runs-on: x, if: ${condition}, steps: [{run: a}]}}\n`;
  const { definition } = parseWorkflow({ path: "ci.yml", text });
  if (definition === undefined) throw new Error("the file is refused");
  expect(mayOutlive(definition, { key: "a" })).toBe(expected);
});
