import type { Expr } from "@actions/expressions";
import {
  Binary,
  ContextAccess,
  FunctionCall,
  Grouping,
  IndexAccess,
  Literal,
  Logical,
  Unary,
} from "@actions/expressions/ast";

/** A context an expression reads, as far as the way into it is written down: `github`, `event`, `*`, `title`. */
export interface ExpressionPath {
  /** Names as written; `*` for a filter or a computed index. */
  readonly names: readonly string[];
  /** Where the context's name stands in the expression, from 0. */
  readonly line: number;
  readonly column: number;
  /** Whether its text can come out of the expression, instead of only deciding something in it. */
  readonly isShown: boolean;
}

const DECIDING_FUNCTIONS = new Set(
  "contains startswith endswith hashfiles success failure always cancelled".split(" "),
);

/** Every context an expression reads, in the order of the text. */
export function pathsOf(tree: Expr): ExpressionPath[] {
  const paths: ExpressionPath[] = [];
  collect(tree, true, paths);
  return paths;
}

function collect(node: Expr, isShown: boolean, paths: ExpressionPath[]): void {
  if (node instanceof ContextAccess || node instanceof IndexAccess) {
    collectPath(node, isShown, paths);
  } else if (node instanceof FunctionCall) {
    const passesOn = isShown && !DECIDING_FUNCTIONS.has(node.functionName.lexeme.toLowerCase());
    for (const arg of node.args) collect(arg, passesOn, paths);
  } else if (node instanceof Binary) {
    collect(node.left, false, paths);
    collect(node.right, false, paths);
  } else if (node instanceof Unary) {
    collect(node.expr, false, paths);
  } else if (node instanceof Logical) {
    // All but the last operand of `&&` come out only when they are false, and then there is no text in them.
    const isAnd = node.operator.lexeme === "&&";
    for (const [at, arg] of node.args.entries()) {
      collect(arg, isShown && (!isAnd || at === node.args.length - 1), paths);
    }
  } else if (node instanceof Grouping) {
    collect(node.group, isShown, paths);
  }
}

function collectPath(node: ContextAccess | IndexAccess, isShown: boolean, paths: ExpressionPath[]): void {
  const names: string[] = [];
  let base: Expr = node;
  const computed: Expr[] = [];
  while (base instanceof IndexAccess) {
    const { index } = base;
    if (index instanceof Literal) names.unshift(index.literal.coerceString());
    else {
      names.unshift("*");
      computed.push(index);
    }
    base = base.expr;
  }
  if (base instanceof ContextAccess) {
    const { line, column } = base.name.range.start;
    paths.push({ names: [base.name.lexeme, ...names], line, column, isShown });
  } else {
    collect(base, isShown, paths);
  }
  for (const index of computed.reverse()) collect(index, false, paths);
}
