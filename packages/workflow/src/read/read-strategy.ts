import { isBasicExpression, isBoolean, isMapping, isNumber, isSequence, isString } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { MatrixCombination, Position, Value } from "@windrow/model";
import { compileExpression } from "../compile-expression.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { evaluateValue } from "../evaluate.ts";
import { expandMatrix, type MatrixVector } from "../expand-matrix.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { MATRIX_COMBINATIONS_MAX } from "../limits.ts";
import { refuse } from "./refuse.ts";
import { type Entry, entriesOf, itemsOf, positionOf, readTemplateText } from "./tokens.ts";

export interface Strategy {
  readonly failFast: boolean;
  readonly maxParallel?: number;
  /** One empty combination also where the matrix could not be read. */
  readonly matrix: readonly MatrixCombination[];
  /** False after a complaint about the matrix: its variables are not known then. */
  readonly isMatrixKnown: boolean;
}

/** A job without `strategy`: one job, without a combination. */
export const NO_STRATEGY: Strategy = { failFast: true, matrix: [{}], isMatrixKnown: true };

/** `strategy:` of a job, its matrix expanded. */
export function readStrategy(token: TemplateToken, at: Position, diagnostics: Diagnostics): Strategy {
  if (!isMapping(token)) {
    if (token.isExpression) refuse(diagnostics, positionOf(token, at), "a strategy from an expression");
    return { ...NO_STRATEGY, isMatrixKnown: false };
  }
  let { failFast } = NO_STRATEGY;
  let matrix: readonly MatrixCombination[] | undefined = NO_STRATEGY.matrix;
  let maxParallel: number | undefined;
  for (const { key, at: keyAt, value } of entriesOf(token)) {
    if (key === "matrix") {
      matrix = readMatrix(value, keyAt, diagnostics);
    } else if (key === "fail-fast") {
      const written = readStatic(value, keyAt, "'fail-fast'", diagnostics);
      if (typeof written === "boolean") failFast = written;
      else if (written !== undefined) complainType(value, keyAt, "'fail-fast' must be true or false", diagnostics);
    } else if (key === "max-parallel") {
      const written = readStatic(value, keyAt, "'max-parallel'", diagnostics);
      if (typeof written === "number" && Number.isInteger(written) && written > 0) maxParallel = written;
      else if (written !== undefined) {
        complainType(value, keyAt, "'max-parallel' must be a whole number above 0", diagnostics);
      }
    }
  }
  return {
    failFast,
    matrix: matrix ?? NO_STRATEGY.matrix,
    isMatrixKnown: matrix !== undefined,
    ...(maxParallel !== undefined && { maxParallel }),
  };
}

function complainType(token: TemplateToken, at: Position, message: string, diagnostics: Diagnostics): void {
  diagnostics.error(positionOf(token, at), { code: "unexpected-value", message });
}

/** Answers nothing after a complaint. */
function readMatrix(token: TemplateToken, at: Position, diagnostics: Diagnostics): MatrixCombination[] | undefined {
  if (!isMapping(token)) {
    if (token.isExpression) refuse(diagnostics, positionOf(token, at), "a matrix from an expression", DYNAMIC_HINT);
    return undefined;
  }
  const vectors: MatrixVector[] = [];
  let include: MatrixCombination[] = [];
  let exclude: MatrixCombination[] = [];
  let isWhole = true;
  const excludeEntries: Entry[] = [];
  for (const entry of entriesOf(token)) {
    const values = readStaticList(entry.value, entry.at, diagnostics);
    if (values === undefined) {
      isWhole = false;
    } else if (entry.key === "include") {
      include = values.filter(isCombination);
    } else if (entry.key === "exclude") {
      exclude = values.filter(isCombination);
      for (const item of itemsOf(entry.value)) excludeEntries.push(...entriesOf(item));
    } else if (values.length === 0) {
      isWhole = false;
      diagnostics.error(entry.at, {
        code: "empty-matrix",
        message: `'${entry.key}' of the matrix has no values`,
        hint: "give at least one value or remove it",
      });
    } else {
      vectors.push({ name: entry.key, values });
    }
  }
  if (!isWhole) return undefined;
  for (const { key, at: keyAt } of excludeEntries) {
    if (vectors.some((vector) => vector.name === key)) continue;
    diagnostics.error(keyAt, {
      code: "unknown-exclude",
      message: `'${key}' in 'exclude' is no variable of this matrix`,
      hint: `variables: ${vectors.map((vector) => vector.name).join(", ") || "none"}`,
    });
  }
  const combinations = expandMatrix({ vectors, include, exclude });
  if (combinations === undefined) {
    diagnostics.error(at, {
      code: "limit-matrix",
      message: `the matrix has more than ${MATRIX_COMBINATIONS_MAX} combinations`,
      hint: "split the job or shorten the lists",
    });
    return undefined;
  }
  if (combinations.length === 0) {
    diagnostics.error(at, {
      code: "empty-matrix",
      message: "the matrix has no combination",
      hint: "add variables or entries of 'include', or exclude less",
    });
    return undefined;
  }
  return combinations;
}

const DYNAMIC_HINT = "write the values into the file: the jobs must be known when the run starts";

function isCombination(value: Value): value is MatrixCombination {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readStaticList(token: TemplateToken, at: Position, diagnostics: Diagnostics): readonly Value[] | undefined {
  const value = readStatic(token, at, "a matrix from an expression", diagnostics);
  return Array.isArray(value) ? value : undefined;
}

/** A value that needs no context: literals, lists and maps of them, and expressions over literals. */
function readStatic(token: TemplateToken, at: Position, what: string, diagnostics: Diagnostics): Value | undefined {
  if (isString(token) || isNumber(token) || isBoolean(token)) return token.value;
  if (isBasicExpression(token)) return readStaticExpression(token, at, what, diagnostics);
  if (isSequence(token)) {
    const values: Value[] = [];
    for (const item of itemsOf(token)) {
      const value = readStatic(item, at, what, diagnostics);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }
  if (isMapping(token)) {
    const entries: [string, Value][] = [];
    for (const entry of entriesOf(token)) {
      const value = readStatic(entry.value, entry.at, what, diagnostics);
      if (value === undefined) return undefined;
      entries.push([entry.key, value]);
    }
    return Object.fromEntries(entries);
  }
  return token.isScalar ? null : undefined;
}

function readStaticExpression(
  token: TemplateToken & { readonly expression: string },
  at: Position,
  what: string,
  diagnostics: Diagnostics,
): Value | undefined {
  const template = readTemplateText(token, at, diagnostics);
  if (template === undefined) return undefined;
  try {
    if (compileExpression(token.expression).uses.length > 0) {
      refuse(diagnostics, positionOf(token, at), what, DYNAMIC_HINT);
      return undefined;
    }
    return evaluateValue(template, {});
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    diagnostics.error(positionOf(token, at), {
      code: "expression",
      message: `error in an expression: ${error.message}`,
    });
    return undefined;
  }
}
