import { setImmediate } from "node:timers/promises";
import type { CompositeRuns, StepDefinition } from "@windrow/model";
import { evaluateTemplate } from "@windrow/workflow";
import { partKey } from "../journal/attempt-memory.ts";
import type { PostRecord, StartNote, StepResult } from "../journal/journal-records.ts";
import { actionEntries } from "./action-place.ts";
import { type CompositeScope, createCompositeScope } from "./composite-scope.ts";
import { decideStep } from "./decide-step.ts";
import { nameActions } from "./name-actions.ts";
import { backendNo, type OpenJob } from "./open-job.ts";
import type { OpenedAction } from "./resolve-uses.ts";
import { evaluateActionInputs } from "./run-javascript.ts";
import type { ActionWork, StepFrame } from "./step-frame.ts";
import { FAULT_CHARS_MAX, toResult, type WorkEnd } from "./work-end.ts";

/** Composite actions that may stand in one another. */
export const COMPOSITE_DEPTH_MAX = 10;
/** Steps of composite actions that one step of a job may lead to. */
export const STEP_PARTS_MAX = 1_000;

/** Runs the steps of a composite action, or goes on with them after a restart of the agent. Throws `ExpressionFailure`. */
export async function runComposite(work: ActionWork, action: OpenedAction, runs: CompositeRuns): Promise<WorkEnd> {
  const { frame, step, note } = work;
  if (frame.depth >= COMPOSITE_DEPTH_MAX) {
    return {
      outcome: "failed",
      fault: `'${step.uses}': composite actions may stand in one another ${COMPOSITE_DEPTH_MAX} deep`,
    };
  }
  const scope = enterComposite(work, action, () => !note.isAfterStop && frame.ends.stopped.aborted);
  const inner = {
    ...frame,
    scope,
    depth: frame.depth + 1,
    source: action.source,
    action: placeOf(frame.job, action),
    defaults: {},
  };
  const left = { posts: [] as PostRecord[], states: {}, summaryFiles: [] as string[] };
  const names = nameActions(runs.steps);
  let isCutShort = false;
  let exitCode: number | undefined;
  for (const [index, innerStep] of runs.steps.entries()) {
    const place = innerPlace(frame.place, index);
    const actionName = names[index] ?? "";
    const result = await runPart({ ...inner, place }, { step: innerStep, actionName, note });
    if (result === undefined) {
      isCutShort = true;
      break;
    }
    scope.apply(result, innerStep.id);
    left.posts.push(...(result.posts ?? []));
    Object.assign(left.states, result.state);
    left.summaryFiles.push(...(result.summaryFiles ?? []));
    if (result.conclusion === "failure") exitCode = result.exitCode;
  }
  const end = { ...left, ...scope.leaked, outputs: mapOutputs(action, scope) };
  if (isTimeUp(frame)) return { outcome: "timed_out", ...end };
  if (isCutShort && frame.parts.count > STEP_PARTS_MAX) {
    return { outcome: "failed", fault: `'${step.uses}' leads to more than ${STEP_PARTS_MAX} steps`, ...end };
  }
  if (scope.status === "failure") return { outcome: "failed", ...end, ...(exitCode !== undefined && { exitCode }) };
  if (scope.status === "cancelled" || isCutShort) return { outcome: "cancelled", ...end };
  return { outcome: "succeeded", ...end };
}

/** The scope of an action's own steps. Throws `ExpressionFailure`. */
export function enterComposite(
  work: Pick<ActionWork, "frame" | "step" | "view" | "actionName">,
  action: OpenedAction,
  wasInterrupted: () => boolean,
): CompositeScope {
  return createCompositeScope({
    caller: work.frame.scope,
    callerEnv: work.view.stepEnv,
    inputs: Object.fromEntries(evaluateActionInputs(work, action)),
    github: actionEntries(work.actionName, placeOf(work.frame.job, action)),
    wasInterrupted,
  });
}

export const innerPlace = (place: string, index: number): string => (place === "" ? `${index}` : `${place}.${index}`);

const placeOf = ({ view }: OpenJob, { dir, repository, ref }: OpenedAction) => ({
  path: view.show(dir),
  repository,
  ref,
});

function isTimeUp({ job, deadlineBootMs }: StepFrame): boolean {
  return deadlineBootMs !== undefined && job.bootClockMs() >= deadlineBootMs;
}

interface Part {
  readonly step: StepDefinition;
  readonly actionName: string;
  /** Of the action around it. */
  readonly note: StartNote;
}

/** Undefined: nothing may begin any more. */
async function runPart(frame: StepFrame, part: Part): Promise<StepResult | undefined> {
  const { job, stepNo, log, parts } = frame;
  const { journal, attempt, plan } = job;
  // As between the steps of a job.
  await setImmediate();
  attempt.over.throwIfAborted();
  const partNo = parts.next();
  const known = job.memory.parts.get(partKey(stepNo, partNo));
  if (known?.result !== undefined) {
    await log.addAgain(known.result.parts);
    parts.skip(known.result.innerPartsCount ?? 0);
    return known.result;
  }
  const begun = known?.started;
  if (begun === undefined && (frame.ends.halted.aborted || isTimeUp(frame) || partNo > STEP_PARTS_MAX))
    return undefined;
  const note: StartNote = begun ?? {
    startedAtMs: job.clock.nowMs(),
    startedAtBootMs: job.bootClockMs(),
    ...((part.note.isAfterStop || frame.ends.stopped.aborted) && { isAfterStop: true }),
  };
  const { step, actionName } = part;
  const processNo = backendNo(plan, stepNo, partNo);
  const decision = decideStep(frame, step, { actionName, backendNo: processNo, isKnown: begun !== undefined });
  const facts = { stepNo, name: decision.name, continueOnError: false, startedAtMs: note.startedAtMs };
  const partsBefore = log.parts.length;
  const keep = (result: StepResult): StepResult => {
    const innerPartsCount = parts.count - partNo;
    const whole = { ...result, parts: log.parts.slice(partsBefore), ...(innerPartsCount > 0 && { innerPartsCount }) };
    journal.append({ kind: "part_ended", attemptId: attempt.attemptId, partNo, result: whole });
    return whole;
  };
  if (decision.kind === "skip") return keep(toResult(job, facts, { outcome: "skipped" }));
  const text = begun?.text ?? header(decision.name);
  if (begun === undefined) {
    journal.append({ kind: "part_started", attemptId: attempt.attemptId, stepNo, partNo, text, ...note });
  }
  log.addText(text);
  const end: WorkEnd =
    decision.kind === "refused"
      ? { outcome: "failed", fault: decision.why }
      : await frame.doStep({
          frame,
          step,
          actionName,
          view: decision.view,
          note,
          backendNo: processNo,
        });
  if (end.fault !== undefined) {
    log.annotations.add({ level: "error", message: end.fault });
    log.addText(`##[error]${job.logs.redact(end.fault).slice(0, FAULT_CHARS_MAX).replace(/\s+/g, " ")}\n`);
  }
  return keep(toResult(job, { ...facts, continueOnError: decision.continueOnError }, end));
}

/** As people know it from such logs; one line that readers can fold what follows under. */
export const header = (name: string): string => `##[group]${name}\n##[endgroup]\n`;

/** Throws `ExpressionFailure`. */
function mapOutputs({ definition }: OpenedAction, scope: CompositeScope): { [name: string]: string } {
  const outputs: { [name: string]: string } = {};
  for (const { name, value } of definition.outputs) {
    if (value !== undefined) outputs[name] = evaluateTemplate(value, scope.contexts(), scope.functions);
  }
  return outputs;
}
