import type { Diagnostic, Position } from "@windrow/model";
import type { ExpressionFailure } from "../expression-failure.ts";

const EXPRESSION_CHARS_SHOWN = 200;

/** An expression that failed as a complaint about its file; `what` says what became of it. */
export function explainFailure(
  failure: ExpressionFailure,
  { what, file, at }: { readonly what: string; readonly file: string; readonly at?: Position },
): Diagnostic {
  return {
    severity: "error",
    code: "expression",
    message: `${what}: ${failure.message}`,
    hint: `in the expression: ${failure.expression.slice(0, EXPRESSION_CHARS_SHOWN)}`,
    file,
    line: at?.line ?? 1,
    column: at?.column ?? 1,
  };
}
