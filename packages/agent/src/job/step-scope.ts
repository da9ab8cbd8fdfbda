import type { Value } from "@windrow/model";
import type { ExpressionContexts, ExpressionFunctions } from "@windrow/workflow";
import type { StepResult } from "../journal/journal-records.ts";

/** What only one step sees. */
export interface StepView {
  readonly stepEnv?: ReadonlyMap<string, string>;
  /** Entries of the `github` context that are the step's own: `action`, `action_path`, … */
  readonly github?: { readonly [name: string]: Value };
}

/** What expressions and processes of steps see where they stand: in the job, or in a composite action. */
export interface StepScope {
  /** Variables of every process here, in order. */
  readonly env: ReadonlyMap<string, string>;
  /** From GITHUB_PATH, the newest first. */
  readonly paths: readonly string[];
  /** A step did not succeed and was not allowed to. */
  readonly hasFailed: boolean;
  contexts(view?: StepView): ExpressionContexts;
  readonly functions: ExpressionFunctions;
  /** What a step that is over leaves for those after it. */
  apply(result: StepResult, id: string | undefined): void;
}

/** A context with some entries of its own; what is computed when it is read stays so. */
export function withEntries(
  context: { readonly [name: string]: Value },
  entries: { readonly [name: string]: Value },
): { readonly [name: string]: Value } {
  return Object.defineProperties(
    {},
    {
      ...Object.getOwnPropertyDescriptors(context),
      ...Object.getOwnPropertyDescriptors(entries),
    },
  );
}
