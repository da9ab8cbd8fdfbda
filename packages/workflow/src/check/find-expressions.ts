import { isBasicExpression, isMapping, isSequence, isString } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position } from "@windrow/model";
import { compileExpression } from "../compile-expression.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { entriesOf, itemsOf, positionOf } from "../read/tokens.ts";
import { type ExpressionPath, pathsOf } from "./expression-paths.ts";

/** A context that is read somewhere below a token, and where. */
export interface FoundPath extends ExpressionPath {
  readonly at: Position;
}

/** Every context that is read in a value, in the order of the file. What does not compile was complained about. */
export function findPaths(token: TemplateToken): FoundPath[] {
  if (isBasicExpression(token)) {
    return (token.originalExpressions ?? [token]).flatMap((one) => {
      const start = one.expressionRange?.start;
      return pathsIn(one.expression, start ?? positionOf(one, positionOf(token)), start !== undefined);
    });
  }
  if (isString(token)) {
    return isCondition(token) && token.value.trim() !== "" ? pathsOfCondition(token) : [];
  }
  if (isSequence(token)) return itemsOf(token).flatMap(findPaths);
  return isMapping(token) ? entriesOf(token).flatMap((entry) => findPaths(entry.value)) : [];
}

/** An `if:` is an expression also without braces. */
function isCondition(token: TemplateToken): boolean {
  const definition = token.definitionInfo?.definition.key;
  return definition !== undefined && /^(?:job|step|runs|snapshot)-if$/.test(definition);
}

function pathsOfCondition(token: TemplateToken & { value: string; source?: string | undefined }): FoundPath[] {
  const at = positionOf(token);
  const isOneLine = token.range?.start.line === token.range?.end.line;
  const quote = token.source?.startsWith("'") || token.source?.startsWith('"') ? 1 : 0;
  const indent = token.value.length - token.value.trimStart().length;
  return pathsIn(token.value.trim(), { line: at.line, column: at.column + quote + indent }, isOneLine);
}

function pathsIn(expression: string, at: Position, isExact: boolean): FoundPath[] {
  try {
    return pathsOf(compileExpression(expression).tree).map((path) => ({
      ...path,
      at: isExact && path.line === 0 ? { line: at.line, column: at.column + path.column } : at,
    }));
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    return [];
  }
}
