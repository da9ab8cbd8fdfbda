import { ExpressionError } from "@actions/expressions";
import { isBasicExpression, isString } from "@actions/workflow-parser";
import { ExpressionToken, type TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position } from "@windrow/model";
import { compileExpression, explainExpressionError } from "../compile-expression.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { positionOf } from "./tokens.ts";

/** The condition of what has no `if`. */
export const DEFAULT_CONDITION = "success()";

/**
 * An `if:`, with or without braces, as an expression without braces. One without a status function anywhere in it is
 * wrapped in `success() && (…)`.
 */
export function readCondition(token: TemplateToken, fallback: Position, diagnostics: Diagnostics): string {
  const text = readBareCondition(token, fallback, diagnostics);
  if (text === undefined) return DEFAULT_CONDITION;
  return compileExpression(text).hasStatusFunction ? text : `success() && (${text})`;
}

/** As `readCondition`, without wrapping; nothing when it is empty or has an error. */
export function readBareCondition(
  token: TemplateToken,
  fallback: Position,
  diagnostics: Diagnostics,
): string | undefined {
  const at = positionOf(token, fallback);
  const text = conditionText(token).trim();
  if (text === "") return undefined;
  if (isBasicExpression(token) && token.originalExpressions !== undefined) {
    diagnostics.warning(at, {
      code: "always-true",
      message: `this condition is always true: with text outside of \${{ }} it is a text that is not empty`,
      hint: `put the whole condition into one \${{ }} or leave the braces away (a block scalar adds a line end: use |-)`,
    });
  }
  try {
    ExpressionToken.validateExpression(text, token.definitionInfo?.allowedContext ?? []);
    compileExpression(text);
    return text;
  } catch (error) {
    diagnostics.error(within(token, at, error), explain(error));
    return undefined;
  }
}

function conditionText(token: TemplateToken): string {
  if (isBasicExpression(token)) return token.expression;
  return isString(token) ? token.value : token.isScalar ? String(token) : "";
}

/** An unquoted condition on one line is written as it is read, so the place inside it is known. */
function within(token: TemplateToken, at: Position, error: unknown): Position {
  const isPlain = isString(token) && token.source === token.value && !token.value.includes("\n");
  return isPlain && error instanceof ExpressionError ? { line: at.line, column: at.column + error.pos.column } : at;
}

function explain(error: unknown) {
  const message = error instanceof ExpressionFailure ? error.message : explainExpressionError(error);
  const named = /^unrecognized (?:named-value|function): '(.+)'$/.exec(message)?.[1];
  return named === undefined
    ? { code: "expression", message: `error in the condition: ${message}`, hint: "correct the expression" }
    : {
        code: "expression",
        message: `'${named}' does not exist or is not available in this condition`,
        hint: "texts stand in single quotes; secrets, and for jobs matrix and env, are not available in conditions",
      };
}
