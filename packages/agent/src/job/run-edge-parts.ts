import { ExpressionFailure } from "@windrow/workflow";
import { partKey } from "../journal/attempt-memory.ts";
import type { PostRecord, StartNote, StepResult } from "../journal/journal-records.ts";
import { doStep } from "./do-step.ts";
import { backendNo, type OpenJob } from "./open-job.ts";
import { header } from "./run-composite.ts";
import { closeStep, spoolPathOf } from "./run-step.ts";
import { countParts, type StepEnds, type StepFrame } from "./step-frame.ts";
import { createStepLog } from "./step-log.ts";
import { toResult, type WorkEnd } from "./work-end.ts";

/** One process before or after the job's own steps. */
export interface EdgePart {
  readonly name: string;
  /** Looked at when its turn comes. Throws `ExpressionFailure`. */
  readonly isWanted: () => boolean;
  readonly run: (options: {
    readonly frame: StepFrame;
    readonly backendNo: number;
    readonly note: StartNote;
  }) => Promise<WorkEnd>;
}

export interface EdgeOptions {
  readonly job: OpenJob;
  /** In reports. */
  readonly stepNo: number;
  readonly name: string;
  readonly continueOnError: boolean;
  readonly ends: StepEnds;
  readonly parts: readonly EdgePart[];
}

/** The parts of one step that run before or after all steps, in this order: a step of its own in reports. */
export async function runEdgeParts(options: EdgeOptions): Promise<StepResult> {
  const { job, stepNo, name, ends, continueOnError } = options;
  const { attempt, memory, journal, plan, clock } = job;
  const known = memory.stepsStarted.get(stepNo);
  const note = known ?? { startedAtMs: clock.nowMs(), startedAtBootMs: job.bootClockMs() };
  const log = createStepLog({ logs: job.logs, stepNo, spoolPath: spoolPathOf(job), masksCount: known?.masksCount });
  const counter = countParts();
  const results: StepResult[] = [];
  let isBegun = known !== undefined;
  const begin = () => {
    if (isBegun) return;
    isBegun = true;
    journal.append({ kind: "step_started", attemptId: attempt.attemptId, stepNo, ...note });
    job.reporter.report({ stepNo, name, state: "running", startedAtMs: note.startedAtMs });
  };
  const source = { repository: plan.source.repository, sha: plan.source.sha };
  const outer = { job, stepNo, log, parts: counter, scope: job.scope, ends, depth: 0, place: "", source };
  const frame = { ...outer, action: undefined, deadlineBootMs: undefined, defaults: {}, preState: {}, doStep };
  try {
    for (const part of options.parts) {
      const result = await runEdgePart(frame, part, { begin, isSeveral: options.parts.length > 1 });
      if (result === undefined) break;
      results.push(result);
    }
    const facts = { stepNo, name, continueOnError, startedAtMs: note.startedAtMs };
    return closeStep(job, log, facts, joinResults(results));
  } finally {
    if (!attempt.abandoned.aborted) log.end();
  }
}

async function runEdgePart(
  frame: StepFrame,
  part: EdgePart,
  { begin, isSeveral }: { readonly begin: () => void; readonly isSeveral: boolean },
): Promise<StepResult | undefined> {
  const { job, stepNo, log, ends } = frame;
  const { journal, attempt } = job;
  attempt.over.throwIfAborted();
  const partNo = frame.parts.next();
  const known = job.memory.parts.get(partKey(stepNo, partNo));
  if (known?.result !== undefined) {
    await log.addAgain(known.result.parts);
    return known.result;
  }
  if (known?.started === undefined && ends.halted.aborted) return undefined;
  const note: StartNote = known?.started ?? {
    startedAtMs: job.clock.nowMs(),
    startedAtBootMs: job.bootClockMs(),
    ...(ends.stopped.aborted && { isAfterStop: true }),
  };
  const facts = { stepNo, name: part.name, continueOnError: false, startedAtMs: note.startedAtMs };
  const partsBefore = log.parts.length;
  const keep = (end: WorkEnd): StepResult => {
    const result = { ...toResult(job, facts, end), parts: log.parts.slice(partsBefore) };
    journal.append({ kind: "part_ended", attemptId: attempt.attemptId, partNo, result });
    return result;
  };
  const wanted = known?.started !== undefined || isWanted(part);
  if (typeof wanted === "string") return keep({ outcome: "failed", fault: wanted });
  if (!wanted) return keep({ outcome: "skipped" });
  begin();
  const text = known?.started?.text ?? (isSeveral ? header(part.name) : "");
  if (known?.started === undefined) {
    journal.append({ kind: "part_started", attemptId: attempt.attemptId, stepNo, partNo, text, ...note });
  }
  log.addText(text);
  return keep(await part.run({ frame, backendNo: backendNo(job.plan, stepNo, partNo), note }));
}

/** A sentence when its condition cannot be evaluated. */
function isWanted(part: EdgePart): boolean | string {
  try {
    return part.isWanted();
  } catch (error) {
    if (error instanceof ExpressionFailure) return error.message;
    throw error;
  }
}

/** The worst of them counts; all that they leave holds. */
function joinResults(results: readonly StepResult[]): WorkEnd {
  const outcomes = results.map((result) => result.outcome);
  const fault = results.find((result) => result.fault !== undefined)?.fault;
  const exitCode = results.find((result) => result.outcome === "failed")?.exitCode;
  const worst = (["failed", "timed_out", "cancelled", "succeeded"] as const).find((one) => outcomes.includes(one));
  const posts: PostRecord[] = results.flatMap((result) => [...(result.posts ?? [])]);
  return {
    outcome: worst ?? "skipped",
    ...(fault !== undefined && { fault }),
    ...(exitCode !== undefined && { exitCode }),
    env: results.flatMap((result) => [...result.env]),
    paths: results.flatMap((result) => [...result.paths]),
    posts,
    states: Object.assign({}, ...results.map((result) => result.state ?? {})),
    summaryFiles: results.flatMap((result) => [...(result.summaryFiles ?? [])]),
  };
}
