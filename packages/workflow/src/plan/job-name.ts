import type { JobDefinition, MatrixCombination, Value } from "@windrow/model";
import { evaluateTemplate } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { JOB_NAME_CHARS_MAX } from "../limits.ts";

/**
 * What people see of a job: its `name`, or its key; values of the matrix follow in parentheses unless the name is an
 * expression. Throws `ExpressionFailure`.
 */
export function nameJob(
  job: Pick<JobDefinition, "key" | "name">,
  matrix: MatrixCombination,
  contexts: ExpressionContexts,
): string {
  const isExpression = job.name?.includes("${{") ?? false;
  const name = job.name === undefined ? "" : evaluateTemplate(job.name, contexts).replace(/\s+/g, " ").trim();
  const suffix = isExpression && name !== "" ? "" : matrixSuffix(matrix);
  return shorten((name === "" ? job.key : name) + suffix);
}

function matrixSuffix(matrix: MatrixCombination): string {
  const words = Object.values(matrix).flatMap(listScalars);
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

function listScalars(value: Value): string[] {
  if (value === null || value === "") return [];
  return typeof value === "object" ? Object.values(value).flatMap(listScalars) : [String(value)];
}

function shorten(name: string): string {
  return name.length > JOB_NAME_CHARS_MAX ? `${name.slice(0, JOB_NAME_CHARS_MAX - 1)}…` : name;
}
