import { evaluateTemplate } from "@windrow/workflow";
import type { PostRecord } from "../journal/journal-records.ts";
import { actionVariables } from "./action-place.ts";
import { prepareCheckout } from "./checkout-step.ts";
import { CHECKOUT, NO_CONTAINERS, type ResolvedUses, resolveUses } from "./resolve-uses.ts";
import { runComposite } from "./run-composite.ts";
import { runJavaScript } from "./run-javascript.ts";
import { runProcess } from "./run-process.ts";
import { stepEnvironment } from "./step-environment.ts";
import { makeStepFiles } from "./step-files.ts";
import { type ActionWork, whatEnds } from "./step-frame.ts";
import type { WorkEnd } from "./work-end.ts";

/** Runs the action that a step uses. Throws `ExpressionFailure`. */
export async function useAction(work: ActionWork): Promise<WorkEnd> {
  const { frame, step } = work;
  const ended = whatEnds(work);
  const resolved = await resolveOrStop(work, AbortSignal.any([ended, frame.job.attempt.over]));
  if (resolved === undefined) return { outcome: "cancelled" };
  if (resolved.kind === "refused") return { outcome: "failed", fault: resolved.why };
  if (resolved.kind === "builtIn") return useBuiltIn(work, resolved);
  const { action } = resolved;
  const { runs } = action.definition;
  switch (runs.kind) {
    case "composite":
      return runComposite(work, action, runs);
    case "javascript":
      return runJavaScript(work, action, runs);
    case "docker":
      return { outcome: "failed", fault: `'${step.uses}' is a Docker action: ${NO_CONTAINERS}` };
  }
}

/** Undefined: the step was ended meanwhile. */
async function resolveOrStop({ frame, step }: ActionWork, signal: AbortSignal): Promise<ResolvedUses | undefined> {
  try {
    return await resolveUses(frame.job, step.uses, frame.source, signal);
  } catch (error) {
    frame.job.attempt.over.throwIfAborted();
    if (signal.aborted) return undefined;
    throw error;
  }
}

async function useBuiltIn(
  work: ActionWork,
  { repository, ref }: Extract<ResolvedUses, { kind: "builtIn" }>,
): Promise<WorkEnd> {
  const { frame, step, view, actionName, backendNo } = work;
  const { job, scope } = frame;
  const contexts = scope.contexts(view);
  const inputs = new Map(
    step.with.map(([name, template]) => [name.toLowerCase(), evaluateTemplate(template, contexts, scope.functions)]),
  );
  const { files, variables } = makeStepFiles(job, backendNo, { hasState: true });
  const place = { path: "", repository, ref };
  const env = stepEnvironment({
    job: job.environment,
    machineEnv: job.machineEnv,
    files: job.files,
    scope,
    stepEnv: view.stepEnv,
    stepFiles: variables,
    action: actionVariables(actionName, place),
  });
  const stopped = whatEnds(work);
  const { workspaceDir, homeDir, tempDir } = job.files.work;
  const answer =
    repository === CHECKOUT
      ? prepareCheckout({ plan: job.plan, serverUrl: job.serverUrl, jobToken: job.jobToken, inputs, workspaceDir })
      : await job.actions.prepareBuiltIn({
          repository,
          ref,
          inputs,
          env,
          workspaceDir,
          homeDir,
          tempDir,
          toolCacheDir: job.environment.RUNNER_TOOL_CACHE ?? "",
          signal: AbortSignal.any([stopped, job.attempt.over]),
        });
  if (answer.kind === "refused") return { outcome: "failed", fault: answer.why };
  const post = "post" in answer ? answer.post : undefined;
  const record: PostRecord | undefined = post && {
    place: frame.place,
    name: step.uses,
    argv: post.argv,
    condition: "always()",
    env: Object.entries(post.env),
    actionName,
    action: place,
  };
  const posts = record === undefined ? {} : { posts: [record] };
  if (answer.kind === "done") {
    frame.log.addText(answer.say.map((line) => `${line}\n`).join(""));
    const { outputs, env: set, paths } = answer;
    return { outcome: "succeeded", outputs, env: set, paths, ...posts };
  }
  const start = { argv: answer.argv, env: { ...env, ...answer.env }, cwd: workspaceDir, files };
  return { ...(await runProcess({ frame, backendNo, start, stopped })), ...posts };
}
