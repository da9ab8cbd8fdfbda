import { isBasicExpression, isBoolean, isMapping, isNumber } from "@actions/workflow-parser";
import type { JobDefinition, Template } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { MATRIX_COMBINATIONS_MAX } from "../limits.ts";
import { type Matrix, NO_MATRIX, readMatrix } from "./read-matrix.ts";
import { type Entry, entriesOf, positionOf, readTemplateText } from "./tokens.ts";

export interface Strategy {
  readonly failFast: JobDefinition["strategy"]["failFast"];
  readonly maxParallel?: number | Template;
  readonly matrix: Matrix;
}

/** A job without `strategy`: one job, without a combination. */
export const NO_STRATEGY: Strategy = { failFast: true, matrix: NO_MATRIX };

/** `strategy:` of a job, its matrix expanded where it is written down. */
export function readStrategy({ at, value }: Entry, diagnostics: Diagnostics): Strategy {
  if (!isMapping(value)) return readComputedStrategy({ at, value }, diagnostics);
  let { failFast, matrix } = NO_STRATEGY;
  let maxParallel: number | Template | undefined;
  for (const entry of entriesOf(value)) {
    if (entry.key === "matrix") matrix = readMatrix(entry, diagnostics);
    else if (entry.key === "fail-fast") failFast = readFailFast(entry, diagnostics) ?? failFast;
    else if (entry.key === "max-parallel") maxParallel = readMaxParallel(entry, diagnostics);
  }
  return { failFast, matrix, ...(maxParallel !== undefined && { maxParallel }) };
}

/** An expression gives the whole map: each key is asked of it, with the default of the language where it has none. */
function readComputedStrategy(
  { at, value }: { at: Entry["at"]; value: Entry["value"] },
  diagnostics: Diagnostics,
): Strategy {
  const template = readTemplateText(value, at, diagnostics);
  if (!isBasicExpression(value) || template === undefined) return { failFast: true, matrix: { combinations: [{}] } };
  const whole = `(${value.expression})`;
  return {
    failFast: `\${{ toJSON(${whole}.fail-fast) != 'false' }}`,
    maxParallel: `\${{ ${whole}.max-parallel || ${MATRIX_COMBINATIONS_MAX} }}`,
    matrix: { combinations: [{}], template: `\${{ ${whole}.matrix }}` },
  };
}

function readFailFast({ at, value }: Entry, diagnostics: Diagnostics): boolean | Template | undefined {
  if (isBoolean(value)) return value.value;
  return value.isExpression ? readTemplateText(value, at, diagnostics) : undefined;
}

function readMaxParallel({ at, value }: Entry, diagnostics: Diagnostics): number | Template | undefined {
  if (value.isExpression) return readTemplateText(value, at, diagnostics);
  if (isNumber(value) && Number.isInteger(value.value) && value.value > 0) return value.value;
  const message = "'max-parallel' must be a whole number above 0";
  diagnostics.error(positionOf(value, at), { code: "unexpected-value", message });
  return undefined;
}
