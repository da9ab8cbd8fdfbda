import { ExpressionFailure, evaluateCondition, evaluateTemplate } from "@windrow/workflow";
import type { PostRecord, StepResult } from "../journal/journal-records.ts";
import { actionEntries, actionVariables } from "./action-place.ts";
import { findNode } from "./find-node.ts";
import { type OpenJob, postNo } from "./open-job.ts";
import { runDockerPost } from "./run-docker.ts";
import { type EdgePart, runEdgeParts } from "./run-edge-parts.ts";
import { runProcess } from "./run-process.ts";
import { stepEnvironment } from "./step-environment.ts";
import { makeStepFiles } from "./step-files.ts";
import { whatEnds } from "./step-frame.ts";
import type { WorkEnd } from "./work-end.ts";

/** Runs the after-parts of one step of the plan, the last one that began first. */
export async function runPost(
  job: OpenJob,
  options: { readonly index: number; readonly name: string; readonly records: readonly PostRecord[] },
): Promise<StepResult> {
  const { plan, stop } = job;
  return runEdgeParts({
    job,
    stepNo: postNo(plan, options.index),
    name: `Post ${options.name}`,
    continueOnError: mayFail(job, options.index),
    ends: { stopped: stop.stopped, halted: stop.halted },
    parts: options.records.toReversed().map((record) => toPart(job, record)),
  });
}

/** As its step, as far as that can be said by now. */
function mayFail({ plan, scope }: OpenJob, index: number): boolean {
  const template = plan.steps[index]?.continueOnError;
  if (template === undefined) return false;
  try {
    return evaluateTemplate(template, scope.contexts(), scope.functions).trim() === "true";
  } catch (error) {
    if (error instanceof ExpressionFailure) return false;
    throw error;
  }
}

function toPart(job: OpenJob, record: PostRecord): EdgePart {
  const { scope } = job;
  const github = actionEntries(record.actionName, record.action);
  return {
    name: `Post ${record.name}`,
    isWanted: () => evaluateCondition(record.condition, scope.contexts({ github }), scope.functions),
    async run({ frame, backendNo, note }): Promise<WorkEnd> {
      if (record.container !== undefined) {
        return runDockerPost({ frame, backendNo, note, record, container: record.container });
      }
      const argv = await startOf(job, record);
      if (typeof argv === "string") return { outcome: "failed", fault: argv };
      const { files, variables } = makeStepFiles(job, backendNo, { hasState: true });
      const given = stepEnvironment({
        job: { ...job.environment, ...job.results },
        view: job.view,
        scope,
        stepEnv: new Map(record.env),
        stepFiles: variables,
        action: actionVariables(record.actionName, record.action),
      });
      const env = record.isTrusted === true ? Object.fromEntries(record.env) : given;
      const { isOnMachine } = record;
      const cwd = isOnMachine === true ? job.files.work.workspaceDir : job.view.workspaceDir;
      const start = { argv, env, cwd, files, isOnMachine };
      return runProcess({ frame, backendNo, start, stopped: whatEnds({ frame, note }) });
    },
  };
}

/** A sentence when it cannot be started. */
async function startOf(job: OpenJob, { argv, script }: PostRecord): Promise<readonly string[] | string> {
  if (script === undefined) return argv ?? [];
  const runtime = await findNode(job, script.using);
  return runtime.kind === "problem" ? runtime.why : [runtime.path, job.view.show(script.path)];
}
