import type { JobDefinition, Plan } from "@windrow/model";
import { evaluateValue } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { evaluateFlag } from "./evaluate-flag.ts";

export interface EvaluatedStrategy {
  readonly failFast: boolean;
  /** Absent when all combinations may run at once. */
  readonly maxParallel?: number;
}

/** `fail-fast` and `max-parallel`, which may be expressions over `github`, `needs`, `vars` and `inputs`. Throws `ExpressionFailure`. */
export function evaluateStrategy(
  { failFast, maxParallel }: JobDefinition["strategy"],
  contexts: ExpressionContexts,
): EvaluatedStrategy {
  const max = maxParallel === undefined ? undefined : evaluateMaxParallel(maxParallel, contexts);
  return {
    failFast: evaluateFlag("fail-fast", failFast, contexts),
    ...(max !== undefined && { maxParallel: max }),
  };
}

/** A job's place in its matrix, as the plan and the `strategy` context have it. */
export function placeInMatrix(
  strategy: EvaluatedStrategy,
  { jobIndex, jobTotal }: { readonly jobIndex: number; readonly jobTotal: number },
): Plan["strategy"] {
  const { failFast, maxParallel } = strategy;
  return { failFast, jobIndex, jobTotal, maxParallel: maxParallel ?? jobTotal };
}

function evaluateMaxParallel(template: number | string, contexts: ExpressionContexts): number | undefined {
  const value = typeof template === "number" ? template : evaluateValue(template, contexts);
  if (value === null || value === "") return undefined;
  const max = Number(value);
  if (typeof value !== "object" && Number.isInteger(max) && max > 0) return max;
  throw new ExpressionFailure(
    String(template),
    `'max-parallel' must be a whole number above 0, not '${String(value)}'`,
  );
}
