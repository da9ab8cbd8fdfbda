import { arch } from "node:os";
import type { Plan, Value } from "@windrow/model";
import { defaultEnvironment } from "@windrow/workflow";
import type { JobView } from "./job-view.ts";
import type { StepScope } from "./step-scope.ts";

/** The same for every step of a job. */
export interface JobEnvironmentOptions {
  readonly plan: Plan;
  readonly view: JobView;
  readonly agentName: string;
  readonly attemptId: string;
  readonly attemptNo: number;
  readonly jobId: number;
  /** The `github` context, which says the same in expressions. */
  readonly github: { readonly [name: string]: Value };
}

/** What the documentation promises to every step; a workflow cannot change these. */
export function jobEnvironment(options: JobEnvironmentOptions): { [name: string]: string } {
  const { plan, view } = options;
  return {
    ...defaultEnvironment(options.github),
    RUNNER_NAME: options.agentName,
    RUNNER_OS: "Linux",
    RUNNER_ARCH: runnerArch(),
    RUNNER_ENVIRONMENT: "self-hosted",
    RUNNER_TEMP: view.tempDir,
    RUNNER_TOOL_CACHE: view.toolCacheDir,
    RUNNER_WORKSPACE: view.workDir,
    ...(isDebug(plan) && { RUNNER_DEBUG: "1" }),
    WINDROW: "true",
    WINDROW_AGENT_NAME: options.agentName,
    WINDROW_ATTEMPT_ID: options.attemptId,
    WINDROW_ATTEMPT: String(options.attemptNo),
    WINDROW_JOB_ID: String(options.jobId),
    WINDROW_JOB_NAME: plan.jobName,
    WINDROW_RUN_ID: String(plan.runId),
    WINDROW_REPOSITORY: plan.repository,
    WINDROW_COMMIT: plan.sha,
    WINDROW_RUN_URL: `${plan.publicUrl}/runs/${plan.runId}`,
  };
}

/** People ask for more words by a variable of the repository. */
export function isDebug(plan: Plan): boolean {
  return plan.vars.ACTIONS_STEP_DEBUG?.toLowerCase() === "true";
}

/** `X64`, `ARM64`: the documented words. */
export function runnerArch(): string {
  return arch().toUpperCase();
}

export interface StepEnvironmentOptions {
  readonly job: { readonly [name: string]: string };
  readonly view: JobView;
  readonly scope: Pick<StepScope, "env" | "paths">;
  readonly stepEnv: ReadonlyMap<string, string>;
  /** GITHUB_ENV, GITHUB_OUTPUT and the others of this step. */
  readonly stepFiles: { readonly [name: string]: string };
  /** GITHUB_ACTION and the others of the action. */
  readonly action: { readonly [name: string]: string };
}

/** The whole environment of one step: machine or image, then job, then step; what the documentation promises stands above all. */
export function stepEnvironment(options: StepEnvironmentOptions): { [name: string]: string } {
  const { view, scope, stepEnv } = options;
  const env: { [name: string]: string } = {
    ...view.baseEnv,
    CI: "true",
    HOME: view.homeDir,
    // a container has a folder for temporary files of its own
    ...(!view.isInContainer && { TMPDIR: view.tempDir }),
    // as Maven, see the job's files: Java does not look at HOME
    GRADLE_USER_HOME: `${view.homeDir}/.gradle`,
    ...Object.fromEntries(scope.env),
    ...Object.fromEntries(stepEnv),
    ...options.job,
    ...options.stepFiles,
    ...options.action,
  };
  env.PATH = [...scope.paths, env.PATH ?? ""].filter((path) => path !== "").join(":");
  return env;
}
