import type { Conclusion, Diagnostic, Value } from "@windrow/model";
import { evaluateTemplate } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { githubContext, type RunFacts } from "../github-context.ts";
import { CALL_OUTPUTS_CHARS_MAX } from "../limits.ts";
import { explainFailure } from "./explain-failure.ts";
import type { WorkflowScope } from "./workflow-scope.ts";

export interface CallOutputsQuestion {
  /** Of the called file. */
  readonly scope: WorkflowScope;
  readonly vars: { readonly [name: string]: string };
  /** Its jobs by key, all finished; rows of one key merged as for `needs`. */
  readonly jobs: {
    readonly [key: string]: { readonly result: Conclusion; readonly outputs: { readonly [name: string]: string } };
  };
  readonly facts: RunFacts;
}

export interface CallOutputs {
  readonly outputs: { readonly [name: string]: string };
  /** One for each output whose expression failed or that is too large; it is left out. */
  readonly diagnostics: readonly Diagnostic[];
}

/** What the calling job gives to those that need it: `on.workflow_call.outputs` of the called file. Never throws. */
export function callOutputs({ scope, vars, jobs, facts }: CallOutputsQuestion): CallOutputs {
  const contexts: ExpressionContexts = {
    github: githubContext(facts, { source: scope.source }),
    inputs: scope.inputs,
    vars,
    jobs: jobsContext(jobs),
  };
  const outputs: [string, string][] = [];
  const diagnostics: Diagnostic[] = [];
  let chars = 0;
  const declared = scope.definition.triggers.find((trigger) => trigger.event === "workflow_call")?.outputs ?? [];
  for (const [name, template] of declared) {
    try {
      const value = evaluateTemplate(template, contexts);
      chars += name.length + value.length;
      if (chars > CALL_OUTPUTS_CHARS_MAX) {
        throw new ExpressionFailure(
          template,
          `the outputs have more than ${CALL_OUTPUTS_CHARS_MAX} characters together`,
        );
      }
      outputs.push([name, value]);
    } catch (error) {
      if (!(error instanceof ExpressionFailure)) throw error;
      diagnostics.push(explainFailure(error, { what: `output '${name}' is empty`, file: scope.source.path }));
    }
  }
  return { outputs: Object.fromEntries(outputs), diagnostics };
}

function jobsContext(jobs: CallOutputsQuestion["jobs"]): Value {
  return Object.fromEntries(Object.entries(jobs).map(([key, { result, outputs }]) => [key, { result, outputs }]));
}
