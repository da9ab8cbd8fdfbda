import type { MatrixCombination, Value, ValueTemplate } from "@windrow/model";
import { expandMatrix, type MatrixVector } from "../expand-matrix.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { MATRIX_COMBINATIONS_MAX, MATRIX_ENTRIES_MAX } from "../limits.ts";
import { evaluateValueTemplate } from "./evaluate-value-template.ts";

/**
 * The combinations of a matrix that is computed, as a whole or in parts. Throws `ExpressionFailure` when what comes out
 * is no matrix, is empty, or has more combinations than are allowed.
 */
export function evaluateMatrix(template: ValueTemplate, contexts: ExpressionContexts): MatrixCombination[] {
  const text = typeof template === "string" ? template : JSON.stringify(template);
  const fail = (message: string): never => {
    throw new ExpressionFailure(text, message);
  };
  const matrix = evaluateValueTemplate(template, contexts);
  if (!isMap(matrix)) return fail("the matrix must be a map of lists");
  const combinationsOf = (key: string): MatrixCombination[] => {
    if (!Object.hasOwn(matrix, key)) return [];
    const entries = matrix[key] ?? null;
    if (entries === null || entries === "") return [];
    if (!isList(entries)) return fail(`'${key}' of the matrix must be a list`);
    if (entries.length > MATRIX_ENTRIES_MAX)
      return fail(`'${key}' of the matrix has more than ${MATRIX_ENTRIES_MAX} entries`);
    return entries.map((entry) => (isMap(entry) ? entry : fail(`'${key}' of the matrix must be a list of maps`)));
  };
  const vectors = Object.entries(matrix)
    .filter(([name]) => name !== "include" && name !== "exclude")
    .map(([name, values]): MatrixVector => {
      if (!isList(values)) return fail(`'${name}' of the matrix must be a list`);
      if (values.length === 0) return fail(`'${name}' of the matrix has no values`);
      return { name, values };
    });
  const combinations = expandMatrix({
    vectors,
    include: combinationsOf("include"),
    exclude: combinationsOf("exclude"),
  });
  if (combinations === undefined) return fail(`the matrix has more than ${MATRIX_COMBINATIONS_MAX} combinations`);
  return combinations.length === 0 ? fail("the matrix has no combination") : combinations;
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
const isMap = (value: Value): value is MatrixCombination =>
  value !== null && typeof value === "object" && !Array.isArray(value);
