import type { Conclusion, Value } from "@windrow/model";
import type { StepResult } from "../journal/journal-records.ts";
import { toStepValue } from "./job-scope.ts";
import type { StepScope } from "./step-scope.ts";

export interface CompositeScopeOptions {
  /** Where the step stands that uses the action. */
  readonly caller: StepScope;
  /** That step's own variables: they reach all of the action. */
  readonly callerEnv: ReadonlyMap<string, string>;
  readonly inputs: { readonly [name: string]: string };
  /** `action`, `action_path`, … */
  readonly github: { readonly [name: string]: Value };
  /** The job was stopped after the action had begun. */
  readonly wasInterrupted: () => boolean;
}

/** What the steps of a composite action see: their own `steps` and `inputs`, the action's own success. */
export interface CompositeScope extends StepScope {
  readonly status: Conclusion;
  /** What leaks out to the steps after the action. */
  readonly leaked: { readonly env: readonly (readonly [string, string])[]; readonly paths: readonly string[] };
}

/** Contexts that the language gives a composite action; it sees no secrets, variables or needs of the job. */
const SHARED = ["strategy", "matrix", "runner", "job"] as const;

export function createCompositeScope(options: CompositeScopeOptions): CompositeScope {
  const { caller, callerEnv, inputs } = options;
  const leakedEnv: (readonly [string, string])[] = [];
  const leakedPaths: string[] = [];
  const steps: { [id: string]: Value } = {};
  let worst: Conclusion = "success";

  const status = (): Conclusion => (worst === "success" && options.wasInterrupted() ? "cancelled" : worst);
  const env = () => new Map([...caller.env, ...leakedEnv, ...callerEnv]);

  return {
    get env() {
      return env();
    },
    get paths() {
      return [...leakedPaths.toReversed(), ...caller.paths];
    },
    get hasFailed() {
      return worst === "failure";
    },
    get status() {
      return status();
    },
    leaked: { env: leakedEnv, paths: leakedPaths },
    contexts(view = {}) {
      const outer = caller.contexts({ github: { ...options.github, action_status: status(), ...view.github } });
      const shared = Object.fromEntries(SHARED.map((name) => [name, outer[name]]));
      const variables = view.stepEnv === undefined ? env() : [...env(), ...view.stepEnv];
      return { ...shared, github: outer.github, inputs, env: Object.fromEntries(variables), steps };
    },
    functions: {
      ...caller.functions,
      success: () => status() === "success",
      failure: () => status() === "failure",
    },
    apply(result: StepResult, id) {
      leakedEnv.push(...result.env);
      leakedPaths.push(...result.paths);
      if (result.conclusion === "failure") worst = "failure";
      else if (result.conclusion === "cancelled" && worst === "success") worst = "cancelled";
      if (id !== undefined) steps[id] = toStepValue(result);
    },
  };
}
