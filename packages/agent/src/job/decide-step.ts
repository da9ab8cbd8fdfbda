import type { StepDefinition } from "@windrow/model";
import { ExpressionFailure, evaluateCondition, evaluateTemplate, insertEntries } from "@windrow/workflow";
import { actionEntries } from "./action-place.ts";
import { placeStepFiles } from "./step-files.ts";
import type { StepFrame } from "./step-frame.ts";
import type { StepView } from "./step-scope.ts";

/** What is decided about a step before anything of it is done. */
export type StepDecision =
  | { readonly kind: "skip"; readonly name: string }
  /** The step is wrong: it fails, with this sentence. */
  | { readonly kind: "refused"; readonly name: string; readonly continueOnError: boolean; readonly why: string }
  | {
      readonly kind: "go";
      readonly name: string;
      readonly continueOnError: boolean;
      readonly timeoutMs: number | undefined;
      readonly view: StepView & { readonly stepEnv: ReadonlyMap<string, string> };
    };

const NAME_CHARS_MAX = 200;
/** A step's own timeout may not be longer than a job may run by default. */
const STEP_TIMEOUT_MINUTES_MAX = 360 * 24;

/**
 * Evaluates what a step says of itself. `isKnown`: an earlier process of the agent decided that it runs.
 */
export function decideStep(
  frame: StepFrame,
  step: StepDefinition,
  options: { readonly actionName: string; readonly backendNo: number; readonly isKnown: boolean },
): StepDecision {
  const { scope, job } = frame;
  const github = actionEntries(options.actionName, frame.action, placeStepFiles(job, options.backendNo));
  let name = defaultName(step);
  let continueOnError = false;
  try {
    const stepEnv = new Map<string, string>();
    for (const [variable, template] of insertEntries(step.env, () => scope.contexts({ github }), scope.functions)) {
      stepEnv.set(variable, evaluateTemplate(template, scope.contexts({ stepEnv, github }), scope.functions));
    }
    const view = { stepEnv, github };
    const contexts = scope.contexts(view);
    const evaluate = (template: string) => evaluateTemplate(template, contexts, scope.functions);
    // Reports are for everybody who may see the run.
    if (step.name !== undefined) name = toName(job.logs.redact(evaluate(step.name))).slice(0, NAME_CHARS_MAX);
    if (!options.isKnown && !evaluateCondition(step.condition, contexts, scope.functions))
      return { kind: "skip", name };
    continueOnError = step.continueOnError !== undefined && evaluate(step.continueOnError).trim() === "true";
    const timeoutMs = readTimeout(step.timeoutMinutes === undefined ? "" : evaluate(step.timeoutMinutes));
    if (typeof timeoutMs === "string") return { kind: "refused", name, continueOnError, why: timeoutMs };
    return { kind: "go", name, continueOnError, timeoutMs, view };
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    return { kind: "refused", name, continueOnError, why: error.message };
  }
}

/** One line. */
const toName = (text: string): string => text.replace(/\s+/g, " ").trim();

/** As the documentation shows steps without a name. */
function defaultName(step: StepDefinition): string {
  switch (step.kind) {
    case "uses":
      return `Run ${step.uses}`;
    case "wait":
      return step.targets === "all" ? "Wait for all background steps" : `Wait for ${step.targets.join(", ")}`;
    case "cancel":
      return `Cancel ${step.target}`;
    case "run": {
      const line = step.run.split("\n").find((candidate) => candidate.trim() !== "") ?? "";
      return `Run ${line.trim().slice(0, NAME_CHARS_MAX)}`;
    }
  }
}

/** Milliseconds, nothing, or a sentence about a text that is neither. */
function readTimeout(text: string): number | undefined | string {
  if (text.trim() === "") return undefined;
  const minutes = Number(text);
  if (!(minutes > 0)) return `timeout-minutes is '${text.slice(0, 40)}', not a number of minutes`;
  return Math.min(minutes, STEP_TIMEOUT_MINUTES_MAX) * 60_000;
}
