import { isMapping, isSequence } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { MatrixCombination, Position, Value, ValueTemplate } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { expandMatrix, type MatrixVector } from "../expand-matrix.ts";
import { MATRIX_COMBINATIONS_MAX } from "../limits.ts";
import { isOpen, readStaticValue, readValueTemplate } from "./read-value.ts";
import { type Entry, entriesOf, itemsOf, readTemplateText } from "./tokens.ts";

export interface Matrix {
  /** One empty combination also where the matrix is not known yet or could not be read. */
  readonly combinations: readonly MatrixCombination[];
  /** Present when the matrix is computed in the run. */
  readonly template?: ValueTemplate;
  /** The names it gives values for; absent when they are not known. */
  readonly names?: ReadonlySet<string>;
}

/** A job without a matrix. */
export const NO_MATRIX: Matrix = { combinations: [{}], names: new Set() };
const UNKNOWN: Matrix = { combinations: [{}] };

/** `matrix:` of a job: expanded where everything is written down, kept as a template where something is computed. */
export function readMatrix({ at, value }: Entry, diagnostics: Diagnostics): Matrix {
  if (!isMapping(value)) {
    const template = value.isExpression ? readTemplateText(value, at, diagnostics) : undefined;
    return template === undefined ? UNKNOWN : { combinations: [{}], template };
  }
  const entries = entriesOf(value);
  const vectors: MatrixVector[] = [];
  let include: MatrixCombination[] = [];
  let exclude: MatrixCombination[] = [];
  let isWhole = true;
  for (const entry of entries) {
    if (isOpen(entry.value)) continue;
    const values = readStaticValue(entry.value, entry.at, diagnostics);
    if (!Array.isArray(values)) isWhole = false;
    else if (entry.key === "include") include = values.filter(isCombination);
    else if (entry.key === "exclude") exclude = values.filter(isCombination);
    else if (values.length > 0) vectors.push({ name: entry.key, values });
    else {
      isWhole = false;
      diagnostics.error(entry.at, {
        code: "empty-matrix",
        message: `'${entry.key}' of the matrix has no values`,
        hint: "give at least one value or remove it",
      });
    }
  }
  checkExclude(entries, diagnostics);
  if (!isWhole) return UNKNOWN;
  if (isOpen(value)) return readOpenMatrix({ at, value, entries }, diagnostics);
  const combinations = expand({ vectors, include, exclude }, at, diagnostics);
  return combinations === undefined ? UNKNOWN : { combinations, names: namesOf(combinations) };
}

function expand(
  written: Parameters<typeof expandMatrix>[0],
  at: Position,
  diagnostics: Diagnostics,
): readonly MatrixCombination[] | undefined {
  const combinations = expandMatrix(written);
  if (combinations === undefined) {
    diagnostics.error(at, {
      code: "limit-matrix",
      message: `the matrix has more than ${MATRIX_COMBINATIONS_MAX} combinations`,
      hint: "split the job or shorten the lists",
    });
  } else if (combinations.length === 0) {
    diagnostics.error(at, {
      code: "empty-matrix",
      message: "the matrix has no combination",
      hint: "add variables or entries of 'include', or exclude less",
    });
    return undefined;
  }
  return combinations;
}

function readOpenMatrix(
  { at, value, entries }: { at: Position; value: TemplateToken; entries: readonly Entry[] },
  diagnostics: Diagnostics,
): Matrix {
  const template = readValueTemplate(value, at, diagnostics);
  if (template === undefined) return UNKNOWN;
  const names = namesOfOpen(entries);
  return { combinations: [{}], template, ...(names !== undefined && { names }) };
}

function namesOfOpen(entries: readonly Entry[]): Set<string> | undefined {
  const names = new Set<string>();
  for (const { key, value, isComputed } of entries) {
    if (isComputed) return undefined;
    if (key === "exclude") continue;
    if (key !== "include") names.add(key);
    else if (!isSequence(value)) return undefined;
    else {
      for (const item of itemsOf(value)) {
        if (!isMapping(item)) return undefined;
        for (const entry of entriesOf(item)) names.add(entry.key);
      }
    }
  }
  return names;
}

function checkExclude(entries: readonly Entry[], diagnostics: Diagnostics): void {
  if (entries.some((entry) => entry.isComputed)) return;
  const variables = entries.map((entry) => entry.key).filter((key) => key !== "include" && key !== "exclude");
  const exclude = entries.find((entry) => entry.key === "exclude");
  for (const item of exclude === undefined ? [] : itemsOf(exclude.value)) {
    for (const { key, at } of entriesOf(item)) {
      if (variables.includes(key)) continue;
      diagnostics.error(at, {
        code: "unknown-exclude",
        message: `'${key}' in 'exclude' is no variable of this matrix`,
        hint: `variables: ${variables.join(", ") || "none"}`,
      });
    }
  }
}

function namesOf(combinations: readonly MatrixCombination[]): Set<string> {
  return new Set(combinations.flatMap((combination) => Object.keys(combination)));
}

function isCombination(value: Value): value is MatrixCombination {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
