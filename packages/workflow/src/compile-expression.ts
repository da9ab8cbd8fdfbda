import { type Expr, ExpressionError, Parser } from "@actions/expressions";
import {
  Binary,
  ContextAccess,
  FunctionCall,
  Grouping,
  IndexAccess,
  Literal,
  Logical,
  Star,
  Unary,
} from "@actions/expressions/ast";
import { NumberData } from "@actions/expressions/data/number";
import { StringData } from "@actions/expressions/data/string";
import type { FunctionInfo } from "@actions/expressions/funcs/info";
import { LanguageNumber, LanguageString } from "./expression-data.ts";
import { ExpressionFailure } from "./expression-failure.ts";
import { lexExpression } from "./library-corrections.ts";
import { COMPILED_CHARS_MAX, COMPILED_EXPRESSIONS_MAX } from "./limits.ts";

export const CONTEXT_NAMES = [
  "github",
  "env",
  "vars",
  "job",
  "jobs",
  "steps",
  "runner",
  "secrets",
  "strategy",
  "matrix",
  "needs",
  "inputs",
];

/** Functions the caller of an evaluation answers. */
export const CALLER_FUNCTIONS: readonly FunctionInfo[] = [
  { name: "success", minArgs: 0, maxArgs: 255 },
  { name: "failure", minArgs: 0, maxArgs: 255 },
  { name: "always", minArgs: 0, maxArgs: 0 },
  { name: "cancelled", minArgs: 0, maxArgs: 0 },
  { name: "hashFiles", minArgs: 1, maxArgs: 255 },
];

const STATUS_FUNCTIONS = new Set(["success", "failure", "always", "cancelled"]);

const FUNCTION_NAMES = new Set([
  ...CALLER_FUNCTIONS.map((one) => one.name.toLowerCase()),
  ..."contains startswith endswith format join tojson fromjson case".split(" "),
]);

/** A property of a context an expression reads by name, for example `needs`, `build`. */
export interface ContextUse {
  readonly context: string;
  /** The first property when it is written down; absent for the whole context or a computed index. */
  readonly property?: string;
}

export interface CompiledExpression {
  readonly text: string;
  readonly tree: Expr;
  readonly uses: readonly ContextUse[];
  readonly hasStatusFunction: boolean;
  /** Jobs that `success('…')` and `failure('…')` name, as written. */
  readonly statusJobs: readonly string[];
}

const compiled = new Map<string, CompiledExpression>();
let compiledChars = 0;

/**
 * Compiles an expression (without braces) once and keeps it; which contexts are allowed where is the parser's business.
 * Throws `ExpressionFailure` with a sentence for people.
 */
export function compileExpression(text: string): CompiledExpression {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const fresh = compileAfresh(text);
  compiled.set(text, fresh);
  compiledChars += text.length;
  for (const oldest of compiled.keys()) {
    if (compiled.size <= COMPILED_EXPRESSIONS_MAX && compiledChars <= COMPILED_CHARS_MAX) break;
    compiled.delete(oldest);
    compiledChars -= oldest.length;
  }
  return fresh;
}

function compileAfresh(text: string): CompiledExpression {
  const tree = parse(text);
  if (tree === undefined) throw new ExpressionFailure(text, `an expression was expected between \${{ and }}`);
  const uses: ContextUse[] = [];
  const statusJobs: string[] = [];
  let hasStatusFunction = false;
  const visit = (node: Expr): void => {
    if (node instanceof FunctionCall) {
      const name = node.functionName.lexeme.toLowerCase();
      // The library looks functions up in a plain object, where `constructor` is found too.
      if (!FUNCTION_NAMES.has(name)) {
        throw new ExpressionFailure(text, `unrecognized function: '${node.functionName.lexeme}'`);
      }
      if (STATUS_FUNCTIONS.has(name)) {
        hasStatusFunction = true;
        for (const arg of node.args) if (arg instanceof Literal) statusJobs.push(arg.literal.coerceString());
      }
      node.args.forEach(visit);
    } else if (node instanceof Literal) {
      if (node.literal instanceof NumberData) node.literal = new LanguageNumber(node.literal.value);
      else if (node.literal instanceof StringData) node.literal = new LanguageString(node.literal.value);
    } else if (node instanceof ContextAccess) {
      uses.push({ context: node.name.lexeme.toLowerCase() });
    } else if (node instanceof IndexAccess) {
      if (node.expr instanceof ContextAccess && node.index instanceof Literal) {
        uses.push({ context: node.expr.name.lexeme.toLowerCase(), property: node.index.literal.coerceString() });
      } else {
        visit(node.expr);
        if (!(node.index instanceof Star)) visit(node.index);
      }
    } else if (node instanceof Binary) {
      visit(node.left);
      visit(node.right);
    } else if (node instanceof Unary) {
      visit(node.expr);
    } else if (node instanceof Logical) {
      node.args.forEach(visit);
    } else if (node instanceof Grouping) {
      visit(node.group);
    }
  };
  visit(tree);
  return { text, tree, uses, hasStatusFunction, statusJobs };
}

function parse(text: string): Expr | undefined {
  try {
    return new Parser(lexExpression(text), CONTEXT_NAMES, [...CALLER_FUNCTIONS]).parse();
  } catch (error) {
    throw new ExpressionFailure(text, explainExpressionError(error), { cause: error });
  }
}

/** The library's complaint about an expression as a sentence. */
export function explainExpressionError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ExpressionError) return lowerFirst(error.message);
  if (error.message === "ErrorExceededMaxLength") return "the expression is longer than 21000 characters";
  const [first = error.message] = error.message.split(". Located at position");
  return lowerFirst(first);
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
