import { evaluateTemplate, insertEntries } from "@windrow/workflow";
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
import { untilEnded } from "./until-ended.ts";
import type { WorkEnd } from "./work-end.ts";

/** Runs the action that a step uses. Throws `ExpressionFailure`. */
export async function useAction(work: ActionWork): Promise<WorkEnd> {
  const { frame, step } = work;
  const asked = await untilEnded(work, (signal) => resolveUses(frame.job, step.uses, frame.source, signal));
  if (asked.kind === "ended") return asked.end;
  const resolved = asked.value;
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

async function useBuiltIn(
  work: ActionWork,
  { repository, ref }: Extract<ResolvedUses, { kind: "builtIn" }>,
): Promise<WorkEnd> {
  const { frame, step, view, actionName, backendNo } = work;
  const { job, scope } = frame;
  const contexts = scope.contexts(view);
  const inputs = new Map(
    insertEntries(step.with, () => contexts, scope.functions).map(([name, template]) => [
      name.toLowerCase(),
      evaluateTemplate(template, contexts, scope.functions),
    ]),
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
  const { workspaceDir, homeDir, tempDir } = job.files.work;
  const asked = await untilEnded(work, async (signal) => {
    if (repository === CHECKOUT) {
      const { plan, serverUrl, jobToken } = job;
      const folders = { workspaceDir, homeDir, tempDir };
      return prepareCheckout({ plan, serverUrl, jobToken, inputs, ...folders, ownEnv: job.machineEnv });
    }
    const toolCacheDir = job.environment.RUNNER_TOOL_CACHE ?? "";
    const request = { repository, ref, inputs, env, workspaceDir, homeDir, tempDir, toolCacheDir, signal };
    return job.actions.prepareBuiltIn(request);
  });
  if (asked.kind === "ended") return asked.end;
  const answer = asked.value;
  if (answer.kind === "refused") return { outcome: "failed", fault: answer.why };
  const post = "post" in answer ? answer.post : undefined;
  const record: PostRecord | undefined = post && {
    place: frame.place,
    name: step.uses,
    argv: post.argv,
    condition: "always()",
    env: Object.entries(post.env),
    ...("isTrusted" in post && { isTrusted: true }),
    actionName,
    action: place,
  };
  const posts = record === undefined ? {} : { posts: [record] };
  if (answer.kind === "done") {
    frame.log.addText(answer.say.map((line) => `${line}\n`).join(""));
    const { outputs, env: set, paths } = answer;
    return { outcome: "succeeded", outputs, env: set, paths, ...posts };
  }
  // what holds credentials runs with nothing of what the job or its workflow set, not even a PATH
  const own = { ...answer.env, GITHUB_OUTPUT: variables.GITHUB_OUTPUT ?? "" };
  const start = {
    argv: answer.argv,
    env: "isTrusted" in answer ? own : { ...env, ...answer.env },
    cwd: workspaceDir,
    files,
  };
  return { ...(await runProcess({ frame, backendNo, start, stopped: whatEnds(work) })), ...posts };
}
