import type { Value } from "@windrow/model";

/** An expression as a tree, for an evaluator that has nothing in common with the one in use. */
export type Tree =
  | { readonly kind: "literal"; readonly value: null | boolean | number | string }
  | { readonly kind: "context"; readonly name: string }
  | { readonly kind: "not"; readonly of: Tree }
  | { readonly kind: "binary"; readonly operator: Operator; readonly left: Tree; readonly right: Tree }
  | {
      readonly kind: "call";
      readonly name: "contains" | "startsWith" | "endsWith";
      readonly args: readonly [Tree, Tree];
    }
  | { readonly kind: "join"; readonly list: string; readonly separator: Tree };

export type Operator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||";

/** The expression as people write it; every operand in parentheses. */
export function writeTree(tree: Tree): string {
  switch (tree.kind) {
    case "literal":
      return writeLiteral(tree.value);
    case "context":
      return `matrix.${tree.name}`;
    case "not":
      return `!(${writeTree(tree.of)})`;
    case "binary":
      return `(${writeTree(tree.left)}) ${tree.operator} (${writeTree(tree.right)})`;
    case "call":
      return `${tree.name}(${tree.args.map(writeTree).join(", ")})`;
    case "join":
      return `join(matrix.${tree.list}, ${writeTree(tree.separator)})`;
  }
}

function writeLiteral(value: null | boolean | number | string): string {
  return typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value);
}

/** What the documentation says of operators, coercions and functions, written down plainly. */
export function evaluateTree(tree: Tree, matrix: { readonly [name: string]: Value }): Value {
  switch (tree.kind) {
    case "literal":
      return tree.value;
    case "context":
      return matrix[tree.name] ?? null;
    case "not":
      return !holds(evaluateTree(tree.of, matrix));
    case "binary":
      return evaluateBinary(tree, matrix);
    case "call": {
      const [search, item] = tree.args.map((arg) => evaluateTree(arg, matrix));
      return evaluateCall(tree.name, search ?? null, item ?? null);
    }
    case "join": {
      const list = matrix[tree.list] ?? null;
      const separator = evaluateTree(tree.separator, matrix);
      if (!Array.isArray(list)) return isSimple(list) ? toText(list) : "";
      return list.map(toText).join(isSimple(separator) ? toText(separator) : ",");
    }
  }
}

function evaluateBinary(
  { operator, left, right }: Extract<Tree, { kind: "binary" }>,
  matrix: { readonly [name: string]: Value },
): Value {
  const a = evaluateTree(left, matrix);
  if (operator === "&&") return holds(a) ? evaluateTree(right, matrix) : a;
  if (operator === "||") return holds(a) ? a : evaluateTree(right, matrix);
  const order = compare(a, evaluateTree(right, matrix));
  switch (operator) {
    case "==":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order !== undefined && order < 0;
    case "<=":
      return order !== undefined && order <= 0;
    case ">":
      return order !== undefined && order > 0;
    case ">=":
      return order !== undefined && order >= 0;
  }
}

const holds = (value: Value): boolean =>
  !(value === null || value === false || value === "" || value === 0 || Number.isNaN(value));

const isSimple = (value: Value): value is null | boolean | number | string =>
  value === null || typeof value !== "object";

/** Negative, zero or positive; nothing where two values cannot be compared, so that all but `!=` is false. */
function compare(a: Value, b: Value): number | undefined {
  if (!isSimple(a) || !isSimple(b)) return undefined;
  if (a === null && b === null) return 0;
  if (typeof a === "string" && typeof b === "string") return order(fold(a), fold(b));
  const [x, y] = [toNumber(a), toNumber(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? undefined : order(x, y);
}

function order<T extends number | string>(a: T, b: T): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Letter by letter, so that case alone makes no difference. */
function fold(text: string): string {
  return [...text].map((char) => (char === "ı" ? char : char.toUpperCase())).join("");
}

function toNumber(value: null | boolean | number | string): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === null) return 0;
  const text = value.trim();
  if (text === "") return 0;
  if (/^0x[0-9a-f]+$/i.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0o[0-7]+$/i.test(text)) return Number.parseInt(text.slice(2), 8);
  if (/^[+-]?Infinity$/.test(text)) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number.parseFloat(text) : Number.NaN;
}

function toText(value: Value): string {
  if (value === null) return "";
  if (Array.isArray(value)) return "Array";
  return typeof value === "object" ? "Object" : Object.is(value, -0) ? "0" : String(value);
}

function evaluateCall(name: "contains" | "startsWith" | "endsWith", search: Value, item: Value): boolean {
  if (name === "contains" && Array.isArray(search)) return search.some((one) => compare(one, item) === 0);
  if (!isSimple(search) || !isSimple(item)) return false;
  const [text, part] = [toText(search).toLowerCase(), toText(item).toLowerCase()];
  if (name === "contains") return text.includes(part);
  return name === "startsWith" ? text.startsWith(part) : text.endsWith(part);
}
