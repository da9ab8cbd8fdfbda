import { join } from "node:path";
import type { JavaScriptRuns } from "@windrow/model";
import { evaluateTemplate, insertEntries } from "@windrow/workflow";
import { evaluateInputs, inputVariables, stateVariables } from "./action-inputs.ts";
import { actionEntries, actionVariables } from "./action-place.ts";
import { findNode } from "./find-node.ts";
import { TOO_MUCH_LEFT } from "./kept-bytes.ts";
import { toPost } from "./post-record.ts";
import type { OpenedAction } from "./resolve-uses.ts";
import { runProcess } from "./run-process.ts";
import { stepEnvironment } from "./step-environment.ts";
import { makeStepFiles } from "./step-files.ts";
import { type ActionWork, whatEnds } from "./step-frame.ts";
import type { WorkEnd } from "./work-end.ts";

/** Runs the main part of a JavaScript action. Throws `ExpressionFailure`. */
export async function runJavaScript(work: ActionWork, action: OpenedAction, runs: JavaScriptRuns): Promise<WorkEnd> {
  const { frame, step, backendNo } = work;
  if (action.isLocal && runs.pre !== undefined) {
    const message = `the 'pre' of '${step.uses}' is left out: actions of the workspace have none`;
    frame.log.annotations.add({ level: "warning", message });
  }
  const inputs = evaluateActionInputs(work, action);
  const before = frame.preState[frame.place] ?? {};
  const part = { inputs, state: before, script: runs.main, backendNo };
  const end = await runScript(work, action, runs, part);
  const state = { ...before, ...end.state };
  const post = toPost({ work, action, runs, inputs, state });
  if (post !== undefined && !frame.job.kept.add({ posts: [post] })) {
    return { ...end, outcome: "failed", fault: TOO_MUCH_LEFT };
  }
  return {
    ...end,
    ...(Object.keys(state).length > 0 && { states: { [frame.place]: state } }),
    ...(post !== undefined && { posts: [post] }),
  };
}

/** What the step gives the action; what it gives wrongly is remarked. Throws `ExpressionFailure`. */
export function evaluateActionInputs(
  { frame, step, view, actionName }: Pick<ActionWork, "frame" | "step" | "view" | "actionName">,
  { definition, dir, repository, ref }: OpenedAction,
): ReadonlyMap<string, string> {
  const { scope } = frame;
  const contexts = scope.contexts(view);
  const path = frame.job.view.show(dir);
  const own = frame.scope.contexts({ github: actionEntries(actionName, { path, repository, ref }) });
  const { values, warnings } = evaluateInputs({
    definition,
    given: insertEntries(step.with, () => contexts, scope.functions),
    evaluate: (template) => evaluateTemplate(template, contexts, scope.functions),
    evaluateDefault: (template) => evaluateTemplate(template, own, scope.functions),
  });
  for (const message of warnings) frame.log.annotations.add({ level: "warning", message });
  return values;
}

export interface ScriptPart {
  readonly inputs: ReadonlyMap<string, string>;
  /** What earlier parts of the action kept. */
  readonly state: { readonly [name: string]: string };
  /** In the action's folder. */
  readonly script: string;
  readonly backendNo: number;
}

/** Runs one script of a JavaScript action. */
export async function runScript(
  work: Pick<ActionWork, "frame" | "view" | "actionName" | "note">,
  action: Pick<OpenedAction, "dir" | "repository" | "ref">,
  { using }: Pick<JavaScriptRuns, "using">,
  { inputs, state, script, backendNo }: ScriptPart,
): Promise<WorkEnd> {
  const { frame, view, actionName } = work;
  const { job, scope } = frame;
  const runtime = await findNode(job, using);
  if (runtime.kind === "problem") return { outcome: "failed", fault: runtime.why };
  if (runtime.warning !== undefined) frame.log.annotations.add({ level: "warning", message: runtime.warning });
  const { files, variables } = makeStepFiles(job, backendNo, { hasState: true });
  const place = { path: job.view.show(action.dir), repository: action.repository, ref: action.ref };
  const env = stepEnvironment({
    job: { ...job.environment, ...job.results },
    view: job.view,
    scope,
    stepEnv: view.stepEnv,
    stepFiles: variables,
    action: { ...inputVariables(inputs), ...stateVariables(state), ...actionVariables(actionName, place) },
  });
  const argv = [runtime.path, job.view.show(join(action.dir, script))];
  const start = { argv, env, cwd: job.view.workspaceDir, files };
  return runProcess({ frame, backendNo, start, stopped: whatEnds(work) });
}
