import { isBasicExpression, isBoolean, isMapping, isNumber, isSequence, isString } from "@actions/workflow-parser";
import type { BasicExpressionToken, TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position, Template, TemplateMap } from "@windrow/model";
import { compileExpression } from "../compile-expression.ts";
import type { Diagnostics } from "../diagnostics.ts";

import { ExpressionFailure } from "../expression-failure.ts";
import { INSERT } from "../insert-entries.ts";
import { EXPRESSION_CHARS_MAX } from "../limits.ts";
import { refuse } from "./refuse.ts";

/** One entry of a map: its key with the key's place, and its value. */
export interface Entry {
  readonly key: string;
  readonly at: Position;
  readonly value: TemplateToken;
  /** The key is an expression. */
  readonly isComputed: boolean;
}

export function positionOf(token: TemplateToken, fallback?: Position): Position {
  const start = token.range?.start;
  return start === undefined ? (fallback ?? { line: 1, column: 1 }) : { line: start.line, column: start.column };
}

/** The entries of a map; anything else was complained about by the reader and has none. */
export function entriesOf(token: TemplateToken | undefined): Entry[] {
  if (token === undefined || !isMapping(token)) return [];
  return [...token].map((pair) => ({
    key: pair.key.toString(),
    at: positionOf(pair.key),
    value: pair.value,
    isComputed: pair.key.isExpression,
  }));
}

export function itemsOf(token: TemplateToken): TemplateToken[] {
  return isSequence(token) ? Array.from({ length: token.count }, (_, at) => token.get(at)) : [token];
}

/** Whether nothing stands behind a key. */
export function isNull(token: TemplateToken): boolean {
  return token.isScalar && token.isLiteral && token.toString() === "" && !isString(token);
}

/** A scalar's text as a template, complaining about expressions that do not compile. */
export function readTemplateText(token: TemplateToken, at: Position, diagnostics: Diagnostics): Template | undefined {
  const template = templateOf(token);
  if (template === undefined) return undefined;
  if (isBasicExpression(token)) {
    for (const one of token.originalExpressions ?? [token]) checkExpression(one, at, diagnostics);
    if (token.expression.length > EXPRESSION_CHARS_MAX) {
      diagnostics.error(positionOf(token, at), {
        code: "limit-expression",
        message: `a text with expressions has more than ${EXPRESSION_CHARS_MAX} characters`,
        hint: "give the values through 'env' and leave the text free of expressions, or move it into a file",
      });
    }
  } else if (token.isExpression) {
    refuse(diagnostics, positionOf(token, at), `the directive '${token.toString()}'`, "write the entries out");
  }
  return template;
}

function templateOf(token: TemplateToken): Template | undefined {
  if (isBasicExpression(token)) {
    // Text around expressions was turned into a call of format(); its source is the text after YAML processing.
    if (token.originalExpressions !== undefined && token.source !== undefined) return token.source;
    return `\${{ ${token.expression} }}`;
  }
  if (isString(token)) {
    // A text that still holds an opening brace was a quoted literal in an expression.
    return token.value.includes("${{") ? `\${{ '${token.value.replaceAll("'", "''")}' }}` : token.value;
  }
  if (isNumber(token) || isBoolean(token)) return token.toString();
  return token.isScalar ? "" : undefined;
}

function checkExpression(token: BasicExpressionToken, fallback: Position, diagnostics: Diagnostics): void {
  try {
    compileExpression(token.expression);
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    const message = `error in an expression: ${error.message}`;
    diagnostics.error(positionOf(token, fallback), { code: "expression", message });
  }
}

/** A map of templates such as `env` or `outputs`, in the order of the file. */
export function readTemplateMap(token: TemplateToken, name: string, diagnostics: Diagnostics): TemplateMap {
  if (!isMapping(token)) {
    if (token.isExpression) refuse(diagnostics, positionOf(token), `an expression in place of the map '${name}'`);
    return [];
  }
  const map: [string, Template][] = [];
  for (const { key, at, value, isComputed } of entriesOf(token)) {
    if (isComputed) refuse(diagnostics, at, `an expression as a key of '${name}'`, "write the name out");
    const template = readTemplateText(value, at, diagnostics);
    if (template !== undefined) map.push([key, template]);
  }
  return map;
}

/** As `readTemplateMap`; an expression may also give the map as a whole, or entries of it (`INSERT`). */
export function readOpenMap(token: TemplateToken, name: string, diagnostics: Diagnostics): TemplateMap {
  if (isBasicExpression(token)) {
    const template = readTemplateText(token, positionOf(token), diagnostics);
    return template === undefined ? [] : [[INSERT, template]];
  }
  if (!isMapping(token)) return readTemplateMap(token, name, diagnostics);
  return entriesOf(token).flatMap((entry): TemplateMap => {
    const { key, at, value, isComputed } = entry;
    const isInserted = key.replace(/\s+/g, " ") === INSERT;
    if (isComputed && !isInserted) refuse(diagnostics, at, `an expression as a key of '${name}'`, "write the name out");
    const template = readTemplateText(value, at, diagnostics);
    return template === undefined ? [] : [[isInserted && isComputed ? INSERT : key, template]];
  });
}

/** A list of templates, or one alone. */
export function readTemplateList(token: TemplateToken, at: Position, diagnostics: Diagnostics): Template[] {
  const list: Template[] = [];
  for (const item of itemsOf(token)) {
    const template = readTemplateText(item, at, diagnostics);
    if (template !== undefined) list.push(template);
  }
  return list;
}
