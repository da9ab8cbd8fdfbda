import { join } from "node:path";
import { evaluateTemplate, insertEntries } from "@windrow/workflow";
import type { PostRecord } from "../journal/journal-records.ts";
import { actionVariables } from "./action-place.ts";
import { MIRROR_OUTPUT } from "./checkout-script.ts";
import { isOwnCheckout, prepareCheckout } from "./checkout-step.ts";
import type { OpenJob } from "./open-job.ts";
import { CHECKOUT, type ResolvedUses, resolveUses } from "./resolve-uses.ts";
import { runComposite } from "./run-composite.ts";
import { runDocker, runImage } from "./run-docker.ts";
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
  if (resolved.kind === "image") return runImage(work, resolved.image);
  if (resolved.kind === "builtIn") return useBuiltIn(work, resolved);
  const { action } = resolved;
  const { runs } = action.definition;
  switch (runs.kind) {
    case "composite":
      return runComposite(work, action, runs);
    case "javascript":
      return runJavaScript(work, action, runs);
    case "docker":
      return runDocker(work, action, runs);
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
    view: job.view,
    scope,
    stepEnv: view.stepEnv,
    stepFiles: variables,
    action: actionVariables(actionName, place),
  });
  const isCheckout = repository === CHECKOUT;
  const isOnMachine = isCheckout && job.view.isInContainer && job.view.tools?.includes("git") !== true;
  const lacks = isCheckout ? whyNoCheckout(job, isOnMachine) : whyNoTools(job, repository);
  if (lacks !== undefined) return { outcome: "failed", fault: lacks };
  const machineDir = isOnMachine ? join(job.files.work.workDir, `checkout-${backendNo}`) : undefined;
  const { workspaceDir, homeDir, tempDir } = isOnMachine ? job.files.work : job.view;
  const asked = await untilEnded(work, async (signal) => {
    if (isCheckout) {
      const { plan, serverUrl, jobToken } = job;
      const folders = { workspaceDir, homeDir, tempDir };
      const ownEnv = isOnMachine ? job.machineEnv : job.view.ownEnv;
      const isInContainer = job.view.isInContainer && !isOnMachine;
      const mirrorDir = job.mirror?.dir;
      const asked = { plan, serverUrl, jobToken, inputs, ...folders, ownEnv, isInContainer, mirrorDir, machineDir };
      if (isOwnCheckout(asked)) job.mirror?.refresh();
      return prepareCheckout(asked);
    }
    const toolCacheDir = job.environment.RUNNER_TOOL_CACHE ?? "";
    const { isInContainer } = job.view;
    const request = {
      ...{ repository, ref, inputs, env, homeDir, tempDir, toolCacheDir, signal, isInContainer },
      // read by the agent
      workspaceDir: job.files.work.workspaceDir,
    };
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
    ...(isOnMachine && { isOnMachine }),
    actionName,
    action: place,
  };
  const posts = record === undefined ? {} : { posts: [record] };
  if (answer.kind === "done") {
    frame.log.addText(answer.say.map((line) => `${line}\n`).join(""));
    const { outputs, env: set, paths } = answer;
    return { outcome: "succeeded", outputs, env: set, paths, ...posts };
  }
  // what is the agent's own runs with nothing of what the job or its workflow set, not even a PATH
  const base = isCheckout ? {} : { ...job.view.baseEnv, HOME: homeDir, TMPDIR: tempDir, RUNNER_TEMP: tempDir };
  // the step's own file is the container's
  const output = machineDir === undefined ? undefined : join(machineDir, "output");
  const words = isCheckout ? { GITHUB_OUTPUT: output ?? variables.GITHUB_OUTPUT ?? "" } : variables;
  const start = {
    argv: answer.argv,
    env: { ...base, ...words, ...answer.env },
    cwd: workspaceDir,
    files: output === undefined ? files : { ...files, output },
    isOnMachine,
  };
  const end = await runProcess({ frame, backendNo, start, stopped: whatEnds(work) });
  const { [MIRROR_OUTPUT]: useless, ...outputs } = end.outputs ?? {};
  if (isCheckout && useless !== undefined) job.mirror?.discard();
  return { ...end, ...(isCheckout && { outputs }), ...posts };
}

/** Without git in the image the agent's own does it, as the slot's user: its files are for a container of root's. */
function whyNoCheckout(job: OpenJob, isOnMachine: boolean): string | undefined {
  const uid = job.engine.opened?.containers.container?.facts.uid ?? 0;
  if (!isOnMachine || uid === 0) return undefined;
  return "the image of the job's container has no git, and runs as another user than root: actions/checkout needs one of the two";
}

function whyNoTools({ view }: OpenJob, repository: string): string | undefined {
  if (!view.isMusl) return undefined;
  return `'${repository}' cannot be done in this job's container: its image is built on musl (Alpine), the tools of the agent on glibc`;
}
