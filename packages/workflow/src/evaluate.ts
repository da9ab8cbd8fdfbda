import { data } from "@actions/expressions";
import type { FunctionDefinition } from "@actions/expressions/funcs/info";
import type { Template, Value } from "@windrow/model";
import { BoundedEvaluator, EvaluationWork } from "./bounded-evaluator.ts";
import { type CompiledExpression, compileExpression, explainExpressionError } from "./compile-expression.ts";
import { compileTemplate } from "./compile-template.ts";
import { ContextRoot, type ExpressionContexts, fromExpressionData, isTruthy } from "./expression-data.ts";
import { ExpressionFailure } from "./expression-failure.ts";
import { OWN_FUNCTIONS, ResultText } from "./expression-functions.ts";

/**
 * Functions whose answer depends on where the evaluation happens. A missing one makes the expression fail by name.
 * `success` and `failure` get the jobs that are named, which only conditions of jobs may do; none means all before.
 * `hashFiles` gets its patterns and answers the digest, or the empty string.
 */
export interface ExpressionFunctions {
  readonly success?: (jobs: readonly string[]) => boolean;
  readonly failure?: (jobs: readonly string[]) => boolean;
  readonly always?: () => boolean;
  readonly cancelled?: () => boolean;
  readonly hashFiles?: (patterns: readonly string[]) => string;
}

const NO_FUNCTIONS: ExpressionFunctions = {};

/** Evaluates every `${{ }}` of a text and puts the values in their places. Throws `ExpressionFailure`. */
export function evaluateTemplate(
  template: Template,
  contexts: ExpressionContexts,
  functions: ExpressionFunctions = NO_FUNCTIONS,
): string {
  if (!template.includes("${{")) return template;
  const evaluation = startEvaluation(contexts, functions);
  const segments = compileTemplate(template);
  const text = new ResultText();
  try {
    for (const segment of segments) {
      text.add("literal" in segment ? segment.literal : evaluation(segment.expression).coerceString());
    }
  } catch (error) {
    throw asFailure(template, error);
  }
  return text.toString();
}

/** As `evaluateTemplate`, but a text that is one whole expression keeps its type: a list, a number, null. */
export function evaluateValue(
  template: Template,
  contexts: ExpressionContexts,
  functions: ExpressionFunctions = NO_FUNCTIONS,
): Value {
  if (!template.includes("${{")) return template;
  const segments = compileTemplate(template);
  const [only] = segments;
  if (segments.length === 1 && only !== undefined && "expression" in only) {
    return fromExpressionData(startEvaluation(contexts, functions)(only.expression));
  }
  return evaluateTemplate(template, contexts, functions);
}

/** Evaluates a condition of a definition (an expression without braces) to true or false. Throws `ExpressionFailure`. */
export function evaluateCondition(
  condition: string,
  contexts: ExpressionContexts,
  functions: ExpressionFunctions = NO_FUNCTIONS,
): boolean {
  return isTruthy(startEvaluation(contexts, functions)(compileExpression(condition)));
}

function startEvaluation(
  contexts: ExpressionContexts,
  functions: ExpressionFunctions,
): (expression: CompiledExpression) => data.ExpressionData {
  const root = new ContextRoot(contexts);
  const scope = { root, functions: defineFunctions(functions) };
  const work = new EvaluationWork();
  return (expression) => {
    try {
      return new BoundedEvaluator(expression.tree, scope, work).evaluate();
    } catch (error) {
      throw asFailure(expression.text, error);
    }
  };
}

/** The library wraps what is thrown inside an index in an error of its own. */
function asFailure(text: string, error: unknown): ExpressionFailure {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof ExpressionFailure) return at;
  return new ExpressionFailure(text, explainExpressionError(error), { cause: error });
}

/** Callers evaluate many expressions with the same functions. */
const definedFunctions = new WeakMap<ExpressionFunctions, Map<string, FunctionDefinition>>();

function defineFunctions(functions: ExpressionFunctions): Map<string, FunctionDefinition> {
  const known = definedFunctions.get(functions);
  if (known !== undefined) return known;
  const definitions = new Map(OWN_FUNCTIONS.map((one) => [one.name.toLowerCase(), one]));
  const define = (name: string, call: FunctionDefinition["call"] | undefined): void => {
    definitions.set(name.toLowerCase(), { name, minArgs: 0, maxArgs: 255, call: call ?? missing(name) });
  };
  const { success, failure, always, cancelled, hashFiles } = functions;
  const texts = (args: readonly data.ExpressionData[]) => args.map((arg) => arg.coerceString());
  define("success", success && ((...jobs) => new data.BooleanData(success(texts(jobs)))));
  define("failure", failure && ((...jobs) => new data.BooleanData(failure(texts(jobs)))));
  define("always", always && (() => new data.BooleanData(always())));
  define("cancelled", cancelled && (() => new data.BooleanData(cancelled())));
  define("hashFiles", hashFiles && ((...patterns) => new data.StringData(hashFiles(texts(patterns)))));
  definedFunctions.set(functions, definitions);
  return definitions;
}

function missing(name: string): FunctionDefinition["call"] {
  return () => {
    throw new Error(`the function '${name}' is not available here`);
  };
}
