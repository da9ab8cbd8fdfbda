import type { Diagnostic } from "@windrow/model";
import { evaluateTemplate } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { githubContext, type RunFacts } from "../github-context.ts";
import { RUN_TITLE_CHARS_MAX } from "../limits.ts";
import { type ConcurrencyRequest, evaluateConcurrency } from "./evaluate-concurrency.ts";
import { explainFailure } from "./explain-failure.ts";
import { NotKnownYet } from "./not-known-yet.ts";
import type { WorkflowScope } from "./workflow-scope.ts";

export interface RunStartQuestion {
  readonly scope: WorkflowScope;
  readonly vars: { readonly [name: string]: string };
  readonly facts: RunFacts;
}

export type RunStartAnswer =
  | {
      /** From `run-name`; absent when the file has none or it came out empty. */
      readonly title?: string;
      readonly concurrency?: ConcurrencyRequest;
    }
  | { readonly diagnostic: Diagnostic };

/**
 * What is known of a run as soon as its event is: its title and its concurrency group. Of a called file the group is
 * what the calling job waits for; its `run-name` counts for nothing.
 */
export function decideRunStart({ scope, vars, facts }: RunStartQuestion): RunStartAnswer {
  const { runName, concurrency } = scope.definition;
  const contexts: ExpressionContexts = {
    github: githubContext(facts, { source: scope.source }),
    inputs: scope.inputs,
    vars,
  };
  try {
    const title = runName === undefined ? "" : evaluateTemplate(runName, contexts).replace(/\s+/g, " ").trim();
    return {
      ...(title !== "" && { title: title.slice(0, RUN_TITLE_CHARS_MAX) }),
      ...(concurrency !== undefined && { concurrency: evaluateConcurrency(concurrency, contexts) }),
    };
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    // in a preview of a file that is there to be called
    if (error instanceof NotKnownYet) return {};
    return { diagnostic: explainFailure(error, { what: "the run cannot start", file: scope.source.path }) };
  }
}
