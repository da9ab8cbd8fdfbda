import { data, Evaluator, type Expr } from "@actions/expressions";
import type { FunctionDefinition } from "@actions/expressions/funcs/info";
import { EXPRESSION_WORK_MAX } from "./limits.ts";

/** How much one evaluation may look at, counted in characters of texts and items of lists. */
export class EvaluationWork {
  #left = EXPRESSION_WORK_MAX;

  /** Throws when it is spent. */
  spend(value: data.ExpressionData): void {
    this.#left -= sizeOf(value);
    if (this.#left < 0) {
      throw new Error(`the expression is too much work: it reads more than ${EXPRESSION_WORK_MAX} characters`);
    }
  }
}

/**
 * An evaluator that ends: whatever an operator or a function works on is counted before. Without that an expression of
 * the greatest length, over a large event, takes minutes of whoever evaluates it.
 */
export class BoundedEvaluator extends Evaluator {
  readonly #work: EvaluationWork;

  constructor(
    tree: Expr,
    scope: { readonly root: data.Dictionary; readonly functions: Map<string, FunctionDefinition> },
    work: EvaluationWork,
  ) {
    super(tree, scope.root, scope.functions);
    this.#work = work;
  }

  protected override eval(node: Expr): data.ExpressionData {
    const value = super.eval(node);
    this.#work.spend(value);
    return value;
  }
}

/** Looking at an item takes as long as reading so many characters. */
const ITEM_COST = 16;

/** What an operator or a function would look at; a map is looked at only where one of its properties is asked for. */
function sizeOf(value: data.ExpressionData): number {
  if (value instanceof data.StringData) return 1 + value.value.length;
  if (!(value instanceof data.Array)) return 1;
  let size = 1;
  for (const item of value.values()) size += ITEM_COST + (item instanceof data.StringData ? item.value.length : 0);
  return size;
}
