import { join, resolve } from "node:path";
import type { RunStepDefinition, StepDefinition, UsesStepDefinition } from "@windrow/model";
import { ExpressionFailure, evaluateTemplate, shellArgv, shellExtension } from "@windrow/workflow";
import { prepareCheckout } from "./checkout-step.ts";
import type { OpenJob } from "./open-job.ts";
import { stepEnvironment } from "./step-environment.ts";

/** Everything that is decided about a step before its process starts. */
export type StepStart =
  | {
      readonly kind: "run";
      readonly argv: readonly string[];
      readonly env: { readonly [name: string]: string };
      readonly cwd: string;
      readonly timeoutMs: number | undefined;
      readonly continueOnError: boolean;
      readonly files: StepFiles;
    }
  /** The step is wrong: it fails, with this sentence. */
  | { readonly kind: "refused"; readonly why: string; readonly continueOnError: boolean };

/** Where the step may leave word for later ones. */
export interface StepFiles {
  readonly env: string;
  readonly output: string;
  readonly path: string;
}

/** A step's own timeout may not be longer than a job may run by default. */
const STEP_TIMEOUT_MINUTES_MAX = 360 * 24;

/** The step's own `env`. Throws `ExpressionFailure`. */
export function evaluateStepEnv(job: OpenJob, step: StepDefinition): Map<string, string> {
  const stepEnv = new Map<string, string>();
  for (const [name, template] of step.env) {
    stepEnv.set(name, evaluateTemplate(template, job.scope.contexts(stepEnv), job.scope.functions));
  }
  return stepEnv;
}

/** Evaluates a step's templates and writes its files. */
export function prepareStep(
  job: OpenJob,
  stepNo: number,
  step: StepDefinition,
  stepEnv: ReadonlyMap<string, string>,
): StepStart {
  let continueOnError = false;
  try {
    const evaluate = (template: string) => evaluateTemplate(template, job.scope.contexts(stepEnv), job.scope.functions);
    continueOnError = step.continueOnError !== undefined && evaluate(step.continueOnError).trim() === "true";
    const timeoutMs = readTimeout(step.timeoutMinutes === undefined ? "" : evaluate(step.timeoutMinutes));
    const { files, variables } = writeStepFiles(job, stepNo);
    const actionName = step.id ?? (step.kind === "uses" ? "actionscheckout" : `__run_${stepNo}`);
    const env = stepEnvironment({
      job: job.environment,
      machineEnv: job.machineEnv,
      files: job.files,
      scope: job.scope,
      stepEnv,
      stepFiles: variables,
      actionName,
    });
    const start = prepareKind(job, stepNo, step, evaluate);
    if (start.kind === "refused") return { ...start, continueOnError };
    return {
      kind: "run",
      argv: start.argv,
      env: { ...env, ...start.env },
      cwd: start.cwd,
      timeoutMs,
      continueOnError,
      files,
    };
  } catch (error) {
    if (!(error instanceof ExpressionFailure || error instanceof StepInvalid)) throw error;
    return { kind: "refused", why: error.message, continueOnError };
  }
}

/** Thrown while a step is prepared when it cannot be run as written. */
class StepInvalid extends Error {
  readonly code = "step_invalid";
}

type Start =
  | {
      readonly kind: "run";
      readonly argv: readonly string[];
      readonly env: { readonly [name: string]: string };
      readonly cwd: string;
    }
  | { readonly kind: "refused"; readonly why: string };

function prepareKind(
  job: OpenJob,
  stepNo: number,
  step: StepDefinition,
  evaluate: (template: string) => string,
): Start {
  switch (step.kind) {
    case "run":
      return prepareRun(job, stepNo, step, evaluate);
    case "uses":
      return prepareUses(job, step, evaluate);
    case "wait":
    case "cancel":
      return { kind: "refused", why: `a step with '${step.kind}' cannot be run yet` };
  }
}

function prepareRun(
  job: OpenJob,
  stepNo: number,
  step: RunStepDefinition,
  evaluate: (template: string) => string,
): Start {
  const { defaults } = job.plan;
  const shellTemplate = step.shell ?? defaults.shell;
  const shell = shellTemplate === undefined ? undefined : evaluate(shellTemplate);
  const folderTemplate = step.workingDirectory ?? defaults.workingDirectory;
  const cwd = resolve(job.files.work.workspaceDir, folderTemplate === undefined ? "." : evaluate(folderTemplate));
  const name = `${stepNo}-script${shellExtension(shell)}`;
  const start = shellArgv(shell, join(job.files.dir, name), { hasBash: job.hasBash });
  if (start === undefined) return { kind: "refused", why: `the shell '${shell}' is not known` };
  job.files.write(name, `${start.scriptPrefix}${evaluate(step.run)}\n${start.scriptSuffix}`);
  return { kind: "run", argv: start.argv, env: {}, cwd };
}

function prepareUses(job: OpenJob, step: UsesStepDefinition, evaluate: (template: string) => string): Start {
  if (!/^actions\/checkout@/i.test(step.uses)) {
    return { kind: "refused", why: `the action '${step.uses}' is not built in: only actions/checkout is` };
  }
  const inputs = new Map(step.with.map(([name, template]) => [name.toLowerCase(), evaluate(template)]));
  const { plan, serverUrl, jobToken } = job;
  const { workspaceDir } = job.files.work;
  const start = prepareCheckout({ plan, serverUrl, jobToken, inputs, workspaceDir });
  return start.kind === "refused" ? start : { ...start, cwd: workspaceDir };
}

function readTimeout(text: string): number | undefined {
  if (text.trim() === "") return undefined;
  const minutes = Number(text);
  if (!(minutes > 0)) throw new StepInvalid(`timeout-minutes is '${text}', not a number of minutes`);
  return Math.min(minutes, STEP_TIMEOUT_MINUTES_MAX) * 60_000;
}

function writeStepFiles(job: OpenJob, stepNo: number): { files: StepFiles; variables: { [name: string]: string } } {
  const make = (name: string) => job.files.write(`${stepNo}-${name}`, "");
  const files = { env: make("env"), output: make("output"), path: make("path") };
  const variables = {
    GITHUB_ENV: files.env,
    GITHUB_OUTPUT: files.output,
    GITHUB_PATH: files.path,
    // For actions that have an after-part; a script that writes it all the same makes it itself.
    GITHUB_STATE: join(job.files.work.tempDir, `${stepNo}-state`),
    GITHUB_STEP_SUMMARY: make("summary"),
  };
  return { files, variables };
}
