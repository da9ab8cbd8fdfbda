import { isBasicExpression, isBoolean, isMapping, isNumber, isSequence, isString } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position, Value, ValueTemplate } from "@windrow/model";
import { compileExpression } from "../compile-expression.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { evaluateValue } from "../evaluate.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { refuse } from "./refuse.ts";
import { entriesOf, itemsOf, positionOf, readTemplateText } from "./tokens.ts";

/** Whether a value holds an expression that asks a context, so that it is not known before the run. */
export function isOpen(token: TemplateToken): boolean {
  if (isBasicExpression(token)) {
    try {
      return compileExpression(token.expression).uses.length > 0;
    } catch (error) {
      // Whoever reads the value complains.
      if (!(error instanceof ExpressionFailure)) throw error;
      return true;
    }
  }
  if (isSequence(token)) return itemsOf(token).some(isOpen);
  if (isMapping(token)) return entriesOf(token).some((entry) => entry.isComputed || isOpen(entry.value));
  return token.isExpression;
}

/** A value that is not open: literals, lists and maps of them, and expressions over literals. */
export function readStaticValue(token: TemplateToken, at: Position, diagnostics: Diagnostics): Value | undefined {
  if (isString(token) || isNumber(token) || isBoolean(token)) return token.value;
  if (isBasicExpression(token)) {
    const template = readTemplateText(token, at, diagnostics);
    try {
      return template === undefined ? undefined : evaluateValue(template, {});
    } catch (error) {
      if (!(error instanceof ExpressionFailure)) throw error;
      const message = `error in an expression: ${error.message}`;
      diagnostics.error(positionOf(token, at), { code: "expression", message });
      return undefined;
    }
  }
  return readWith(token, (one, place) => readStaticValue(one, place, diagnostics));
}

/** As `readStaticValue`, with the texts as templates: expressions stay what they are. */
export function readValueTemplate(
  token: TemplateToken,
  at: Position,
  diagnostics: Diagnostics,
): ValueTemplate | undefined {
  if (isNumber(token) || isBoolean(token)) return token.value;
  if (isString(token) || token.isExpression) return readTemplateText(token, at, diagnostics);
  for (const entry of entriesOf(token)) {
    if (entry.isComputed) refuse(diagnostics, entry.at, "an expression as a key", "write the name out");
  }
  return readWith(token, (one, place) => readValueTemplate(one, place, diagnostics));
}

type ReadOne = (token: TemplateToken, at: Position) => Value | undefined;

function readWith(token: TemplateToken, readOne: ReadOne): Value | undefined {
  if (isSequence(token)) {
    const values: Value[] = [];
    for (const item of itemsOf(token)) {
      const value = readOne(item, positionOf(item));
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }
  if (isMapping(token)) {
    const entries: [string, Value][] = [];
    for (const entry of entriesOf(token)) {
      const value = readOne(entry.value, entry.at);
      if (value === undefined) return undefined;
      entries.push([entry.key, value]);
    }
    return Object.fromEntries(entries);
  }
  return token.isScalar ? null : undefined;
}
