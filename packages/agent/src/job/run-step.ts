import { isBackendFault, type StepExit } from "@windrow/backends";
import { concludeStep, type Outcome, type StepDefinition } from "@windrow/model";
import { ExpressionFailure, evaluateCondition, evaluateTemplate } from "@windrow/workflow";
import type { StepResult } from "../journal/journal-records.ts";
import type { StepLog } from "./job-logs.ts";
import type { OpenJob } from "./open-job.ts";
import { evaluateStepEnv, prepareStep, type StepStart } from "./prepare-step.ts";
import { readStepFiles } from "./read-step-files.ts";

/**
 * Runs one step to its result, or goes on with it after a restart of the agent. Everything before the process starts is
 * a function of the plan and of the results before it, so that doing it again changes nothing; the backend starts a step
 * once. Throws a `BackendFault` when the world broke, the reason of `revoked` when the lease is lost.
 */
export async function runStep(job: OpenJob, stepNo: number, step: StepDefinition): Promise<StepResult> {
  const { clock, journal, attempt, stop } = job;
  // Decided before anything else: a stop that comes while the step is being started ends it.
  const stopped = stop.stopped.aborted ? stop.halted : stop.stopped;
  const known = job.memory.stepsStarted.get(stepNo);
  const startedAtMs = known?.startedAtMs ?? clock.nowMs();
  const draft = new StepDraft({ stepNo, name: defaultName(step), startedAtMs });
  let start: StepStart;
  try {
    const stepEnv = evaluateStepEnv(job, step);
    const contexts = job.scope.contexts(stepEnv);
    if (step.name !== undefined) {
      const name = evaluateTemplate(step.name, contexts, job.scope.functions);
      // Reports are for everybody who may see the run.
      draft.name = job.logs.redact(name.slice(0, NAME_CHARS_MAX));
    }
    const isWanted = known !== undefined || evaluateCondition(step.condition, contexts, job.scope.functions);
    if (!isWanted) return draft.end("skipped", clock.nowMs());
    start = prepareStep(job, stepNo, step, stepEnv);
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    start = { kind: "refused", why: error.message, continueOnError: false };
  }
  draft.continueOnError = start.continueOnError;
  if (start.kind === "refused") {
    job.logs.say(`Step ${stepNo + 1} (${draft.name}) cannot be run: ${start.why}`);
    draft.fault = toFault(job, start.why);
    return draft.end("failed", clock.nowMs());
  }
  const startedAtBootMs = known?.startedAtBootMs ?? job.bootClockMs();
  if (known === undefined) {
    journal.append({ kind: "step_started", attemptId: attempt.attemptId, stepNo, startedAtMs, startedAtBootMs });
  }
  job.reporter.report({ stepNo, name: draft.name, state: "running", startedAtMs });
  const { argv, env, cwd } = start;
  try {
    await job.handle.startStep({ stepNo: backendStepNo(stepNo), argv, env, cwd });
  } catch (error) {
    if (!isBackendFault(error, "step_invalid")) throw error;
    job.logs.say(`Step ${stepNo + 1} (${draft.name}) cannot be run: ${error.message}`);
    draft.fault = toFault(job, error.message);
    return draft.end("failed", clock.nowMs());
  }
  const log = job.logs.beginStep(stepNo, job.handle.spoolPath(backendStepNo(stepNo)), true);
  try {
    return await followStep({ job, draft, start, log, startedAtBootMs, stopped });
  } catch (error) {
    if (job.attempt.abandoned.aborted) log.leave();
    else await log.endWithSpool();
    throw error;
  }
}

/** Backends count steps from 1. */
export const backendStepNo = (stepNo: number): number => stepNo + 1;

interface RunningStep {
  readonly job: OpenJob;
  readonly draft: StepDraft;
  readonly start: Extract<StepStart, { kind: "run" }>;
  readonly log: StepLog;
  readonly startedAtBootMs: number;
  /** What ends it: the stop of its job, or only the end of all patience when it began after that. */
  readonly stopped: AbortSignal;
}

async function followStep({ job, draft, start, log, startedAtBootMs, stopped }: RunningStep): Promise<StepResult> {
  const timeoutLeftMs =
    start.timeoutMs === undefined ? undefined : startedAtBootMs + start.timeoutMs - job.bootClockMs();
  const ending = await waitForExit(job, draft.stepNo, stopped, timeoutLeftMs);
  const { exit } = ending;
  draft.exit = exit;
  const outputs = await log.endAt(exit.spoolBytes);
  if (ending.kind === "stopped") return draft.end("cancelled", exit.endedAtMs);
  if (ending.kind === "timed_out") {
    job.logs.say(`Step ${draft.stepNo + 1} (${draft.name}) was ended: it ran longer than its timeout-minutes`);
  }
  const word = readStepFiles(start.files);
  for (const warning of word.warnings) job.logs.say(`Step ${draft.stepNo + 1}: ${warning}`);
  for (const error of word.errors) job.logs.say(`Step ${draft.stepNo + 1} failed: ${error}`);
  if (word.errors[0] !== undefined) draft.fault = toFault(job, word.errors[0]);
  draft.word = {
    env: word.env,
    paths: word.paths,
    outputs: { ...Object.fromEntries(outputs), ...Object.fromEntries(word.outputs) },
  };
  const isGood = exit.exitCode === 0 && word.errors.length === 0;
  return draft.end(ending.kind === "timed_out" ? "timed_out" : isGood ? "succeeded" : "failed", exit.endedAtMs);
}

interface StepEnding {
  readonly kind: "exited" | "stopped" | "timed_out";
  readonly exit: StepExit;
}

/** Waits for the step's exit; ends it with grace when `stopped` aborts or its time is up. */
async function waitForExit(
  job: OpenJob,
  stepNo: number,
  stopped: AbortSignal,
  timeoutLeftMs: number | undefined,
): Promise<StepEnding> {
  const { handle, clock } = job;
  const over = new AbortController();
  const timers = AbortSignal.any([over.signal, job.attempt.over]);
  const exited = handle.waitStep(backendStepNo(stepNo), timers);
  const asked = new Promise<"stopped">((resolve) => {
    if (stopped.aborted) resolve("stopped");
    else stopped.addEventListener("abort", () => resolve("stopped"), { once: true, signal: over.signal });
  });
  const timedOut =
    timeoutLeftMs === undefined
      ? new Promise<never>(() => {})
      : clock.sleep(Math.max(0, timeoutLeftMs), timers).then(() => "timed_out" as const);
  try {
    const first = await Promise.race([exited, asked, timedOut]);
    if (typeof first !== "string") return { kind: "exited", exit: first };
    await handle.cancelStep(backendStepNo(stepNo), job.stop.grace);
    return { kind: first, exit: await exited };
  } finally {
    over.abort("over");
    // When it lost the race to a fault of another call its own end is of no interest.
    exited.catch(() => undefined);
  }
}

/** A result that is being collected. */
class StepDraft {
  readonly stepNo: number;
  readonly startedAtMs: number;
  name: string;
  continueOnError = false;
  fault: string | undefined;
  exit: StepExit | undefined;
  word: Pick<StepResult, "env" | "paths" | "outputs"> = { env: [], paths: [], outputs: {} };

  constructor(options: { stepNo: number; name: string; startedAtMs: number }) {
    this.stepNo = options.stepNo;
    this.name = options.name;
    this.startedAtMs = options.startedAtMs;
  }

  end(outcome: Outcome, finishedAtMs: number): StepResult {
    const { exit, fault } = this;
    return {
      stepNo: this.stepNo,
      name: this.name,
      outcome,
      conclusion: concludeStep(outcome, this.continueOnError),
      ...(exit === undefined ? {} : { exitCode: exit.exitCode }),
      ...(exit?.signal === undefined ? {} : { signal: exit.signal }),
      ...(fault === undefined ? {} : { fault }),
      ...this.word,
      startedAtMs: exit?.startedAtMs ?? this.startedAtMs,
      finishedAtMs,
      rawBytes: exit?.spoolBytes ?? 0,
    };
  }
}

const NAME_CHARS_MAX = 200;
const FAULT_CHARS_MAX = 2_000;

/** A sentence about the step for its report; it may quote what the workflow says. */
function toFault(job: OpenJob, sentence: string): string {
  return job.logs.redact(sentence.slice(0, FAULT_CHARS_MAX));
}

/** As the documentation shows steps without a name. */
function defaultName(step: StepDefinition): string {
  if (step.kind === "uses") return `Run ${step.uses}`;
  if (step.kind !== "run") return step.kind === "wait" ? "Wait" : `Cancel ${step.target}`;
  const line = step.run.split("\n").find((candidate) => candidate.trim() !== "") ?? "";
  return `Run ${line.trim().slice(0, NAME_CHARS_MAX)}`;
}
