import type { MatrixCombination, NeedResult, Plan, Value } from "@windrow/model";

/** The `needs` context: result and outputs of every direct need. */
export function needsContext(needs: readonly NeedResult[]): { readonly [name: string]: Value } {
  return Object.fromEntries(
    needs.map((need) => [
      need.jobKey,
      {
        result: need.result,
        // asked for only where an expression reads them: a preview does not have them
        get outputs(): Value {
          return need.outputs;
        },
      },
    ]),
  );
}

/** The `strategy` context. */
export function strategyContext(strategy: Plan["strategy"]): { readonly [name: string]: Value } {
  return {
    "fail-fast": strategy.failFast,
    "job-index": strategy.jobIndex,
    "job-total": strategy.jobTotal,
    "max-parallel": strategy.maxParallel,
  };
}

/** The `matrix` context: null for a job without a matrix. */
export function matrixContext(matrix: MatrixCombination): Value {
  return Object.keys(matrix).length === 0 ? null : matrix;
}
