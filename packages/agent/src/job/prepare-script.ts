import { join, resolve } from "node:path";
import type { RunStepDefinition } from "@windrow/model";
import { evaluateTemplate, shellArgv, shellExtension } from "@windrow/workflow";
import { actionVariables } from "./action-place.ts";
import { findShell } from "./find-shell.ts";
import type { ProcessStart } from "./run-process.ts";
import { stepEnvironment } from "./step-environment.ts";
import { makeStepFiles } from "./step-files.ts";
import type { StepFrame } from "./step-frame.ts";
import type { StepView } from "./step-scope.ts";

export type Prepared =
  | { readonly kind: "run"; readonly start: ProcessStart }
  /** The step fails, with this sentence. */
  | { readonly kind: "refused"; readonly why: string };

export interface ScriptOptions {
  readonly step: RunStepDefinition;
  readonly view: StepView & { readonly stepEnv: ReadonlyMap<string, string> };
  readonly actionName: string;
  readonly backendNo: number;
}

/** Writes a step's script and decides how it is started. Throws `ExpressionFailure`. */
export function prepareScript(frame: StepFrame, options: ScriptOptions): Prepared {
  const { job, scope, defaults } = frame;
  const { step, view, backendNo, actionName } = options;
  const contexts = scope.contexts(view);
  const evaluate = (template: string) => evaluateTemplate(template, contexts, scope.functions);
  const shellTemplate = step.shell ?? defaults.shell;
  const shell = shellTemplate === undefined ? undefined : evaluate(shellTemplate);
  if (shell === undefined && frame.depth > 0) {
    return { kind: "refused", why: "a step of a composite action with 'run' must name its 'shell'" };
  }
  const folderTemplate = step.workingDirectory ?? defaults.workingDirectory;
  const cwd = resolve(job.view.workspaceDir, folderTemplate === undefined ? "." : evaluate(folderTemplate));
  const name = `${backendNo}-script${shellExtension(shell)}`;
  const { hasBash } = job.view;
  const form = shellArgv(shell, job.view.show(join(job.files.dir, name)), { hasBash });
  if (form === undefined) return { kind: "refused", why: `the shell '${shell}' is not known` };
  const { files, variables } = makeStepFiles(job, backendNo, { hasState: false });
  const env = stepEnvironment({
    job: job.environment,
    view: job.view,
    scope,
    stepEnv: view.stepEnv,
    stepFiles: variables,
    action: actionVariables(actionName, frame.action),
  });
  const isPlain = hasBash && form.argv[0] === "bash";
  const where = { path: env.PATH ?? "", tools: job.view.tools };
  const found = isPlain ? ({ kind: "found", argv: form.argv } as const) : findShell(shell, form.argv, where);
  if (found.kind === "missing") return { kind: "refused", why: found.why };
  job.files.write(name, `${form.scriptPrefix}${evaluate(step.run)}\n${form.scriptSuffix}`);
  return { kind: "run", start: { argv: found.argv, env, cwd, files } };
}
