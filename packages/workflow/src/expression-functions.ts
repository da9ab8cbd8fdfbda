import { data } from "@actions/expressions";
import type { FunctionDefinition } from "@actions/expressions/funcs/info";
import type { Value } from "@windrow/model";
import { fromExpressionData, LanguageString, toExpressionData } from "./expression-data.ts";
import { EXPRESSION_RESULT_CHARS_MAX, VALUE_DEPTH_MAX } from "./limits.ts";

/**
 * Functions in place of the library's: those build texts without a limit (a few nested calls of `format` fill any
 * memory) and lose keys such as `constructor`.
 */
export const OWN_FUNCTIONS: readonly FunctionDefinition[] = [
  { name: "format", minArgs: 1, maxArgs: 255, call: (...args) => new LanguageString(format(args)) },
  { name: "join", minArgs: 1, maxArgs: 2, call: (list, separator) => new LanguageString(join(list, separator)) },
  { name: "toJSON", minArgs: 1, maxArgs: 1, call: (value) => new LanguageString(toJson(value)) },
  { name: "fromJSON", minArgs: 1, maxArgs: 1, call: (text) => toExpressionData(fromJson(text?.coerceString() ?? "")) },
];

/** Puts pieces together up to the limit of a result. Throws above it. */
export class ResultText {
  readonly #pieces: string[] = [];
  #chars = 0;

  add(piece: string): void {
    this.#chars += piece.length;
    if (this.#chars > EXPRESSION_RESULT_CHARS_MAX) {
      throw new Error(`the result has more than ${EXPRESSION_RESULT_CHARS_MAX} characters`);
    }
    this.#pieces.push(piece);
  }

  toString(): string {
    return this.#pieces.join("");
  }
}

/** `{0}` stands for the first value after the pattern, `{{` and `}}` for braces. */
function format([pattern, ...values]: readonly data.ExpressionData[]): string {
  const text = pattern?.coerceString() ?? "";
  const result = new ResultText();
  let at = 0;
  for (const match of text.matchAll(/\{\{|\}\}|\{(\d+)(?::[^{}]*)?\}|[{}]/g)) {
    const [whole, number] = match;
    result.add(text.slice(at, match.index));
    at = match.index + whole.length;
    if (whole === "{{" || whole === "}}") {
      result.add(whole.charAt(0));
    } else if (number === undefined) {
      throw new Error(`format got a pattern with a single brace: ${shorten(text)}`);
    } else {
      const value = values[Number(number)];
      if (value === undefined)
        throw new Error(`format got a pattern with more arguments than values: ${shorten(text)}`);
      result.add(value.coerceString());
    }
  }
  result.add(text.slice(at));
  return result.toString();
}

function join(list: data.ExpressionData | undefined, separator: data.ExpressionData | undefined): string {
  if (list === undefined) return "";
  if (!(list instanceof data.Array)) return list.primitive ? list.coerceString() : "";
  const between = separator?.primitive ? separator.coerceString() : ",";
  const result = new ResultText();
  for (const [at, item] of list.values().entries()) {
    if (at > 0) result.add(between);
    result.add(item.coerceString());
  }
  return result.toString();
}

function toJson(value: data.ExpressionData | undefined): string {
  const result = new ResultText();
  result.add(JSON.stringify(fromExpressionData(value ?? new data.Null()), null, 2));
  return result.toString();
}

function fromJson(text: string): Value {
  if (text.trim() === "") throw new Error("fromJSON got an empty text");
  requireShallow(text);
  try {
    const parsed: Value = JSON.parse(text);
    return parsed;
  } catch (error) {
    throw new Error(`fromJSON got a text that is not JSON: ${shorten(text)}`, { cause: error });
  }
}

/** Outputs of jobs come here, and everything that walks a value does so by recursion. */
function requireShallow(text: string): void {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (isInString) {
      if (char === BACKSLASH) at += 1;
      else if (char === QUOTE) isInString = false;
    } else if (char === QUOTE) isInString = true;
    else if (char === OPEN_LIST || char === OPEN_MAP) {
      depth += 1;
      if (depth > VALUE_DEPTH_MAX) throw new Error(`fromJSON got a value nested more than ${VALUE_DEPTH_MAX} deep`);
    } else if (char === CLOSE_LIST || char === CLOSE_MAP) depth -= 1;
  }
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
