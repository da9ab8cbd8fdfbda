import type { DockerRuns, JavaScriptRuns, StepDefinition, UsesStepDefinition } from "@windrow/model";
import { ExpressionFailure, evaluateCondition, evaluateTemplate, insertEntries } from "@windrow/workflow";
import type { StepResult } from "../journal/journal-records.ts";
import { actionEntries } from "./action-place.ts";
import { doStep } from "./do-step.ts";
import { TOO_MUCH_LEFT } from "./kept-bytes.ts";
import { nameActions } from "./name-actions.ts";
import { type OpenJob, preNo } from "./open-job.ts";
import { toPost } from "./post-record.ts";
import { recallStep } from "./recall-step.ts";
import { isBuiltIn, type OpenedAction, resolveUses } from "./resolve-uses.ts";
import { COMPOSITE_DEPTH_MAX, enterComposite, innerPlace } from "./run-composite.ts";
import { runDockerPre } from "./run-docker.ts";
import { type EdgePart, runEdgeParts } from "./run-edge-parts.ts";
import { evaluateActionInputs, runScript } from "./run-javascript.ts";
import { type ActionSource, countParts, type StepFrame } from "./step-frame.ts";
import { createStepLog } from "./step-log.ts";
import { untilAborted } from "./until-aborted.ts";

/** Actions that are opened before the first step, of which the before-parts are looked for. */
export const ACTIONS_OPENED_MAX = 500;

/**
 * Opens the actions of other repositories and runs the before-parts of those that have one, in the order of the steps.
 * Actions that cannot be opened fail later, at their step.
 */
export async function runPres(job: OpenJob, onResult: (index: number, result: StepResult) => void): Promise<void> {
  const { plan, stop } = job;
  const names = nameActions(plan.steps);
  const budget = { left: ACTIONS_OPENED_MAX };
  for (const [index, step] of plan.steps.entries()) {
    if (!isRemote(job, step)) continue;
    const stepNo = preNo(plan, index);
    const ended = await recallStep(job, stepNo);
    if (ended !== undefined) onResult(index, ended);
    const isKnown = job.memory.stepsStarted.has(stepNo);
    if (ended !== undefined || (stop.stopped.aborted && !isKnown)) continue;
    const ends = { stopped: stop.stopped, halted: stop.halted };
    const log = createStepLog({ logs: job.logs, stepNo, spoolPath: () => "", masksCount: undefined });
    const source = { repository: plan.source.repository, sha: plan.source.sha };
    const frame: StepFrame = {
      ...{ job, stepNo, log, parts: countParts(), scope: job.scope, ends, deadlineBootMs: undefined, depth: 0 },
      ...{ place: "", source, action: undefined, defaults: {}, preState: {}, doStep },
    };
    const parts = await findPres(frame, { step, actionName: names[index] ?? "", budget });
    if (parts.length === 0) continue;
    const name = `Pre ${step.name ?? step.uses}`;
    onResult(index, await runEdgeParts({ job, stepNo, name, continueOnError: false, ends, parts }));
  }
}

function isRemote(job: OpenJob, step: StepDefinition): step is UsesStepDefinition {
  if (step.kind !== "uses" || step.uses.startsWith("./") || step.uses.startsWith("docker://")) return false;
  return step.uses.startsWith("$/") || !isBuiltIn(job, step.uses.replace(/@.*$/, ""));
}

interface Search {
  readonly step: UsesStepDefinition;
  readonly actionName: string;
  readonly budget: { left: number };
}

/** The before-parts that an action leads to. What cannot be evaluated yet is left to the step itself. */
async function findPres(frame: StepFrame, { step, actionName, budget }: Search): Promise<EdgePart[]> {
  if (frame.depth > COMPOSITE_DEPTH_MAX || --budget.left < 0) return [];
  const isKnown = frame.job.memory.stepsStarted.has(frame.stepNo);
  const ending = isKnown ? frame.ends.halted : frame.ends.stopped;
  const signal = AbortSignal.any([ending, frame.job.attempt.over]);
  const resolved = await openOrStop(frame, step.uses, frame.source, signal);
  if (resolved?.kind !== "action") return [];
  const { action } = resolved;
  const { runs } = action.definition;
  if (runs.kind === "javascript")
    return runs.pre === undefined ? [] : [toPart(frame, { step, actionName, action, runs })];
  if (runs.kind === "docker")
    return runs.preEntrypoint === undefined ? [] : [toPart(frame, { step, actionName, action, runs })];
  if (runs.kind !== "composite") return [];
  try {
    const view = { stepEnv: evaluateEnv(frame, step), github: actionEntries(actionName, frame.action) };
    const scope = enterComposite({ frame, step, view, actionName }, action, () => false);
    const { dir, repository, ref } = action;
    const around = { path: frame.job.view.show(dir), repository, ref };
    const inner = { ...frame, scope, depth: frame.depth + 1, source: action.source, action: around };
    const names = nameActions(runs.steps);
    const found: EdgePart[] = [];
    for (const [index, innerStep] of runs.steps.entries()) {
      if (!isRemote(frame.job, innerStep)) continue;
      const place = innerPlace(frame.place, index);
      const search = { step: innerStep, actionName: names[index] ?? "", budget };
      found.push(...(await findPres({ ...inner, place }, search)));
    }
    return found;
  } catch (error) {
    if (error instanceof ExpressionFailure) return [];
    throw error;
  }
}

async function openOrStop(frame: StepFrame, uses: string, source: ActionSource, signal: AbortSignal) {
  try {
    return await untilAborted(signal, resolveUses(frame.job, uses, source, signal));
  } catch (error) {
    frame.job.attempt.over.throwIfAborted();
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** Throws `ExpressionFailure`. */
function evaluateEnv({ scope }: StepFrame, step: StepDefinition): Map<string, string> {
  const stepEnv = new Map<string, string>();
  for (const [name, template] of insertEntries(step.env, () => scope.contexts(), scope.functions)) {
    stepEnv.set(name, evaluateTemplate(template, scope.contexts({ stepEnv }), scope.functions));
  }
  return stepEnv;
}

interface Pre {
  readonly step: UsesStepDefinition;
  readonly actionName: string;
  readonly action: OpenedAction;
  readonly runs: JavaScriptRuns | DockerRuns;
}

function toPart(found: StepFrame, { step, actionName, action, runs }: Pre): EdgePart {
  const { dir, repository, ref } = action;
  const github = actionEntries(actionName, { path: found.job.view.show(dir), repository, ref });
  const { scope, place } = found;
  return {
    name: `Pre ${step.uses}`,
    isWanted: () => evaluateCondition(runs.preCondition, scope.contexts({ github }), scope.functions),
    async run({ frame, backendNo, note }) {
      try {
        const own = { ...frame, scope, place };
        const work = { frame: own, step, view: { stepEnv: evaluateEnv(own, step), github }, actionName, note };
        if (runs.kind === "docker") return await runDockerPre({ ...work, backendNo }, action, runs);
        const inputs = evaluateActionInputs(work, action);
        const end = await runScript(work, action, runs, { inputs, state: {}, script: runs.pre ?? "", backendNo });
        const state = end.state ?? {};
        const post = toPost({ work, action, runs, inputs, state });
        if (post !== undefined && !frame.job.kept.add({ posts: [post] })) {
          return { ...end, outcome: "failed", fault: TOO_MUCH_LEFT };
        }
        return { ...end, states: { [place]: state }, ...(post !== undefined && { posts: [post] }) };
      } catch (error) {
        if (!(error instanceof ExpressionFailure)) throw error;
        return { outcome: "failed", fault: error.message };
      }
    },
  };
}
