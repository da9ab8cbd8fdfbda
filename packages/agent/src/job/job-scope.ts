import type { Plan, Value } from "@windrow/model";
import { stepOutcomeWord } from "@windrow/model";
import {
  evaluateTemplate,
  insertEntries,
  type JobContextFacts,
  jobContext,
  matrixContext,
  needsContext,
  strategyContext,
} from "@windrow/workflow";
import { type StepScope, withEntries } from "./step-scope.ts";

export interface JobScopeOptions {
  readonly plan: Plan;
  readonly jobToken: string;
  readonly github: { readonly [name: string]: Value };
  readonly runner: { readonly [name: string]: Value };
  /** Somebody asked for the end of the job, or its time is up. */
  readonly isStopped: () => boolean;
  readonly hashFiles: (patterns: readonly string[]) => string;
  /** The job's container and services, for its `job` context. */
  readonly containers?: Pick<JobContextFacts, "container" | "services">;
}

/** What expressions of a job see; it grows with every step that ends. */
export interface JobScope extends StepScope {
  /** As it is now, for a step that goes on beside others: what these leave does not reach it. */
  snapshot(): StepScope;
}

interface Grown {
  readonly env: Map<string, string>;
  readonly paths: string[];
  readonly steps: { [id: string]: Value };
  hasFailed: boolean;
}

/** Throws `ExpressionFailure` when the job's `env` cannot be evaluated. */
export function createJobScope(options: JobScopeOptions): JobScope {
  const { plan } = options;
  const { github } = options;
  const fixed = {
    github,
    needs: needsContext(plan.needs),
    strategy: strategyContext(plan.strategy),
    matrix: matrixContext(plan.matrix),
    runner: options.runner,
    secrets: { GITHUB_TOKEN: options.jobToken },
    vars: plan.vars,
    inputs: plan.inputs,
  };
  const { isStopped } = options;

  function growFrom(grown: Grown): StepScope {
    const { env, paths, steps } = grown;
    const status = () => (isStopped() ? "cancelled" : grown.hasFailed ? "failure" : "success");
    return {
      env,
      paths,
      get hasFailed() {
        return grown.hasFailed;
      },
      contexts: (view = {}) => ({
        ...fixed,
        github: view.github === undefined ? github : withEntries(github, view.github),
        env: Object.fromEntries(view.stepEnv === undefined ? env : [...env, ...view.stepEnv]),
        steps,
        job: jobContext(plan, { status: status(), ...options.containers }),
      }),
      functions: {
        success: () => status() === "success",
        failure: () => status() === "failure",
        cancelled: isStopped,
        always: () => true,
        hashFiles: options.hashFiles,
      },
      apply(result, id) {
        for (const [name, value] of result.env) env.set(name, value);
        paths.unshift(...result.paths.toReversed());
        if (result.conclusion === "failure") grown.hasFailed = true;
        if (id !== undefined) steps[id] = toStepValue(result);
      },
    };
  }

  const env = new Map<string, string>();
  for (const [name, template] of insertEntries(plan.env, () => fixed)) {
    env.set(name, evaluateTemplate(template, { ...fixed, env: Object.fromEntries(env) }));
  }
  const grown: Grown = { env, paths: [], steps: {}, hasFailed: false };
  const scope = growFrom(grown);
  return {
    env: scope.env,
    paths: scope.paths,
    contexts: scope.contexts,
    functions: scope.functions,
    apply: scope.apply,
    get hasFailed() {
      return grown.hasFailed;
    },
    snapshot: () =>
      growFrom({
        env: new Map(env),
        paths: [...grown.paths],
        steps: { ...grown.steps },
        hasFailed: grown.hasFailed,
      }),
  };
}

/** An entry of the `steps` context. */
export function toStepValue({ outputs, outcome, conclusion }: Parameters<StepScope["apply"]>[0]): Value {
  return { outputs, outcome: stepOutcomeWord(outcome), conclusion };
}
