import type { NeedResult } from "@windrow/model";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";

/** Thrown in a preview where an expression reads what only a finished job gives. */
export class NotKnownYet extends ExpressionFailure {
  constructor(what: string) {
    super(what, `${what} is not known before the jobs it comes from have run`);
    this.name = "NotKnownYet";
  }
}

/** What `evaluate` answers, or nothing when that is not known yet. Throws what else it throws. */
export function unlessUnknown<T>(evaluate: () => T): T | undefined {
  try {
    return evaluate();
  } catch (error) {
    if (!(error instanceof NotKnownYet)) throw error;
    return undefined;
  }
}

/** A need of which only the result is assumed; whoever reads its outputs ends with `NotKnownYet`. */
export function assumedNeed(jobKey: string, result: NeedResult["result"]): NeedResult {
  if (result === "skipped") return { jobKey, result, outputs: {} };
  return {
    jobKey,
    result,
    get outputs(): never {
      throw new NotKnownYet(`needs.${jobKey}.outputs`);
    },
  };
}

/** The contexts of a row of a matrix that is not known: whoever reads `matrix` or `strategy` ends with `NotKnownYet`. */
export function unknownRow(contexts: ExpressionContexts): ExpressionContexts {
  return {
    ...contexts,
    get matrix(): never {
      throw new NotKnownYet("matrix");
    },
    get strategy(): never {
      throw new NotKnownYet("strategy");
    },
  };
}

/** Inputs of a call whose values wait for other jobs. */
export function unknownInputs(names: readonly string[]): { readonly [name: string]: never } {
  const inputs = {};
  for (const name of names) {
    Object.defineProperty(inputs, name, {
      enumerable: true,
      get: () => {
        throw new NotKnownYet(`inputs.${name}`);
      },
    });
  }
  return inputs;
}
