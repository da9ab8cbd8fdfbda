import type { StepDefinition } from "@windrow/model";
import type { StartNote, StepResult } from "../journal/journal-records.ts";
import { decideStep } from "./decide-step.ts";
import { doStep } from "./do-step.ts";
import { backendNo, type OpenJob } from "./open-job.ts";
import { countParts, type StepEnds, type StepFrame } from "./step-frame.ts";
import { createStepLog, type StepLog } from "./step-log.ts";
import type { StepScope } from "./step-scope.ts";
import { toResult, type WorkEnd } from "./work-end.ts";

export interface StepOptions {
  readonly job: OpenJob;
  /** In the plan, and in reports. */
  readonly stepNo: number;
  readonly step: StepDefinition;
  readonly actionName: string;
  readonly scope: StepScope;
  readonly ends: StepEnds;
  readonly preState: StepFrame["preState"];
}

/**
 * Runs one step of the plan to its result, or goes on with it after a restart of the agent. Everything before a process
 * starts is a function of the plan and of the results before it, so that doing it again changes nothing; the backend
 * starts a process once. Up to the start of the step nothing is waited for. Throws a `BackendFault` when the world broke,
 * the reason of `over` when the attempt is not this process's any more.
 */
export async function runStep(options: StepOptions): Promise<StepResult> {
  const { job, stepNo, step, scope, ends, actionName } = options;
  const { clock, journal, attempt, memory, plan } = job;
  const known = memory.stepsStarted.get(stepNo);
  // Decided before anything else: a stop that comes while the step is being started ends it.
  const note: StartNote = known ?? {
    startedAtMs: clock.nowMs(),
    startedAtBootMs: job.bootClockMs(),
    ...(ends.stopped.aborted && { isAfterStop: true }),
  };
  const log = createStepLog({ logs: job.logs, stepNo, spoolPath: spoolPathOf(job), masksCount: known?.masksCount });
  const source = { repository: plan.source.repository, sha: plan.source.sha };
  const outer = { job, stepNo, log, parts: countParts(), scope, ends, depth: 0, place: "", source, action: undefined };
  const frame = { ...outer, deadlineBootMs: undefined, defaults: plan.defaults, preState: options.preState, doStep };
  const processNo = backendNo(plan, stepNo);
  const decision = decideStep(frame, step, { actionName, backendNo: processNo, isKnown: known !== undefined });
  const facts = { stepNo, name: decision.name, continueOnError: false, startedAtMs: note.startedAtMs };
  if (decision.kind === "skip") return toResult(job, facts, { outcome: "skipped" });
  const { continueOnError } = decision;
  const finish = (end: WorkEnd) => closeStep(job, log, { ...facts, continueOnError }, end);
  if (decision.kind === "refused") return finish({ outcome: "failed", fault: decision.why });
  if (known === undefined) journal.append({ kind: "step_started", attemptId: attempt.attemptId, stepNo, ...note });
  job.reporter.report({ stepNo, name: decision.name, state: "running", startedAtMs: note.startedAtMs });
  const deadlineBootMs = decision.timeoutMs === undefined ? undefined : note.startedAtBootMs + decision.timeoutMs;
  try {
    const work = { frame: { ...frame, deadlineBootMs }, step, view: decision.view, actionName, note };
    return finish(await doStep({ ...work, backendNo: processNo }));
  } finally {
    if (!attempt.abandoned.aborted) log.end();
  }
}

export const spoolPathOf = (job: OpenJob) => (no: number) => job.handle.spoolPath(no);

/** The result with its log and remarks; what went wrong is said in the log of the job. */
export function closeStep(job: OpenJob, log: StepLog, facts: Parameters<typeof toResult>[1], end: WorkEnd): StepResult {
  log.end();
  const title = `Step ${facts.stepNo + 1} (${facts.name})`;
  if (end.fault !== undefined) job.logs.say(`${title} failed: ${end.fault}`);
  if (end.outcome === "timed_out") job.logs.say(`${title} was ended: it ran longer than its timeout-minutes`);
  const result = toResult(job, facts, end);
  const annotations = log.annotations.all;
  return { ...result, parts: [...log.parts], ...(annotations.length > 0 && { annotations: [...annotations] }) };
}
