import type { CalledWorkflow, Conclusion, JobDefinition, NeedResult, Value, WorkflowDefinition } from "@windrow/model";
import { parseWorkflow } from "../src/parse-workflow.ts";
import { decideJobReady, type JobReadyAnswer } from "../src/plan/decide-job-ready.ts";
import { previewRun, type RunPreview } from "../src/plan/preview-run.ts";
import type { WorkflowScope } from "../src/plan/workflow-scope.ts";
import { FACTS, SOURCE } from "../src/run-facts.fixture.ts";

export { FACTS, SOURCE } from "../src/run-facts.fixture.ts";

/** Reads a file that has no mistakes. */
export function define(text: string, called?: { readonly [uses: string]: string }): WorkflowDefinition {
  const { definition, diagnostics } = parseWorkflow({ path: SOURCE.path, text });
  if (definition === undefined) throw new Error(JSON.stringify(diagnostics, null, 2));
  const uses = definition.jobs.flatMap((job) => (job.call === undefined ? [] : [job.call.uses]));
  const loaded = uses.flatMap((one): [string, CalledWorkflow][] => {
    const inner = called?.[one];
    if (inner === undefined) return [];
    return [[one, { ...SOURCE, definition: { ...define(inner, called), path: one.replace("./", "") } }]];
  });
  return loaded.length === 0 ? definition : { ...definition, called: Object.fromEntries(loaded) };
}

export function scopeOf(
  definition: WorkflowDefinition,
  inputs: { readonly [name: string]: Value } = {},
): WorkflowScope {
  return { definition, source: SOURCE, inputs };
}

export function jobOf(definition: WorkflowDefinition, key: string): JobDefinition {
  const job = definition.jobs.find((one) => one.key === key);
  if (job === undefined) throw new Error(`there is no job ${key}`);
  return job;
}

export interface Asked {
  /** The job asked for; the last one otherwise. */
  readonly key?: string;
  readonly needs?: readonly NeedResult[];
  readonly ancestors?: readonly Conclusion[];
  readonly isRunCancelled?: boolean;
  readonly row?: number;
  readonly event?: Value;
  readonly eventName?: string;
  readonly ref?: string;
  readonly inputs?: { readonly [name: string]: Value };
  readonly vars?: { readonly [name: string]: string };
}

/** What becomes of one job of a file. */
export function decide(definition: WorkflowDefinition, asked: Asked = {}): JobReadyAnswer {
  const job = jobOf(definition, asked.key ?? definition.jobs.at(-1)?.key ?? "");
  const { needs = [], row = 0 } = asked;
  return decideJobReady({
    scope: scopeOf(definition, asked.inputs),
    vars: asked.vars ?? {},
    job,
    matrix: job.matrix[row] ?? {},
    jobIndex: row,
    jobTotal: job.matrix.length,
    needs,
    ancestors: asked.ancestors ?? needs.map((need) => need.result),
    facts: {
      ...FACTS,
      ...(asked.eventName !== undefined && { eventName: asked.eventName }),
      ...(asked.ref !== undefined && { ref: asked.ref }),
      ...(asked.event !== undefined && { eventJson: JSON.stringify(asked.event) }),
    },
    isRunCancelled: asked.isRunCancelled ?? false,
    isExpanded: false,
  });
}

export function preview(definition: WorkflowDefinition, inputs: { readonly [name: string]: Value } = {}): RunPreview {
  return previewRun({ definition, facts: FACTS, inputs, vars: {} });
}

export const need = (jobKey: string, result: Conclusion, outputs: { [name: string]: string } = {}): NeedResult => ({
  jobKey,
  result,
  outputs,
});
