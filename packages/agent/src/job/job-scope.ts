import type { Plan, Value } from "@windrow/model";
import { stepOutcomeWord } from "@windrow/model";
import {
  type ExpressionContexts,
  type ExpressionFunctions,
  evaluateTemplate,
  githubContext,
  matrixContext,
  needsContext,
  strategyContext,
} from "@windrow/workflow";
import type { StepResult } from "../journal/journal-records.ts";

export interface JobScopeOptions {
  readonly plan: Plan;
  readonly eventJson: string;
  readonly jobToken: string;
  /** `http://windrow.localhost:PORT`, where git and the API are for this job. */
  readonly serverUrl: string;
  readonly apiUrl: string;
  readonly workspaceDir: string;
  readonly eventPath: string;
  readonly runner: { readonly [name: string]: Value };
  readonly hashFiles: (patterns: readonly string[]) => string;
}

/** What expressions of a job see; it grows with every step that ends. */
export interface JobScope {
  /** Of the job so far, from workflow, job and GITHUB_ENV, in order. */
  readonly env: ReadonlyMap<string, string>;
  /** From GITHUB_PATH, the newest first. */
  readonly paths: readonly string[];
  /** A step did not succeed and was not allowed to. */
  readonly hasFailed: boolean;
  isStopped: boolean;
  contexts(stepEnv?: ReadonlyMap<string, string>): ExpressionContexts;
  readonly functions: ExpressionFunctions;
  apply(result: StepResult, id: string | undefined): void;
}

/** Throws `ExpressionFailure` when the job's `env` cannot be evaluated. */
export function createJobScope(options: JobScopeOptions): JobScope {
  const { plan } = options;
  const github = githubContext(
    { ...plan, eventJson: options.eventJson },
    {
      jobKey: plan.jobKey,
      serverUrl: options.serverUrl,
      apiUrl: options.apiUrl,
      workspace: options.workspaceDir,
      token: options.jobToken,
      eventPath: options.eventPath,
    },
  );
  const fixed = {
    github,
    needs: needsContext(plan.needs),
    strategy: strategyContext(plan.strategy),
    matrix: matrixContext(plan.matrix),
    runner: options.runner,
    secrets: { GITHUB_TOKEN: options.jobToken },
    vars: {},
    inputs: {},
  };
  const env = new Map<string, string>();
  for (const [name, template] of plan.env) env.set(name, evaluateTemplate(template, fixed));
  const paths: string[] = [];
  const steps: { [id: string]: Value } = {};
  let hasFailed = false;
  let isStopped = false;

  const status = () => (isStopped ? "cancelled" : hasFailed ? "failure" : "success");
  return {
    env,
    paths,
    get hasFailed() {
      return hasFailed;
    },
    get isStopped() {
      return isStopped;
    },
    set isStopped(stopped) {
      isStopped = stopped;
    },
    contexts: (stepEnv) => ({
      ...fixed,
      env: Object.fromEntries(stepEnv === undefined ? env : [...env, ...stepEnv]),
      steps,
      job: { status: status() },
    }),
    functions: {
      success: () => status() === "success",
      failure: () => status() === "failure",
      cancelled: () => isStopped,
      always: () => true,
      hashFiles: options.hashFiles,
    },
    apply(result, id) {
      for (const [name, value] of result.env) env.set(name, value);
      paths.unshift(...result.paths.toReversed());
      if (result.conclusion === "failure") hasFailed = true;
      if (id === undefined) return;
      const { conclusion, outputs } = result;
      steps[id] = { outputs, outcome: stepOutcomeWord(result.outcome), conclusion };
    },
  };
}
