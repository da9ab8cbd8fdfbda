import { setImmediate } from "node:timers/promises";
import type { CancelStepDefinition, StepDefinition, WaitStepDefinition } from "@windrow/model";
import type { PostRecord, StepResult } from "../journal/journal-records.ts";
import { BACKGROUND_STEPS_MAX, type BackgroundSteps, createBackgroundSteps } from "./background-steps.ts";
import { decideStep } from "./decide-step.ts";
import { doStep } from "./do-step.ts";
import { nameActions } from "./name-actions.ts";
import { backendNo, mainNo, type OpenJob } from "./open-job.ts";
import { recallStep } from "./recall-step.ts";
import { runPost } from "./run-post.ts";
import { runPres } from "./run-pre.ts";
import { closeStep, runStep, spoolPathOf } from "./run-step.ts";
import { countParts } from "./step-frame.ts";
import { createStepLog } from "./step-log.ts";
import { toStepReport } from "./step-report.ts";
import { toResult } from "./work-end.ts";

/** What the steps of a job gather while they run. */
interface Gathered {
  readonly names: readonly string[];
  readonly background: BackgroundSteps;
  /** What before-parts left, by index in the plan. */
  readonly pres: Map<number, StepResult>;
  /** After-parts of each step in the order in which the steps began; by place of the action. */
  readonly posts: Map<number, { name: string; readonly records: Map<string, PostRecord> }>;
}

/**
 * Runs the before-parts of a job's actions, its steps in order with those in the background beside them, and the
 * after-parts in reverse order; or goes on with all that after a restart of the agent.
 */
export async function runSteps(job: OpenJob): Promise<void> {
  const { plan, attempt, stop } = job;
  const gathered: Gathered = {
    names: nameActions(plan.steps),
    background: createBackgroundSteps(),
    pres: new Map(),
    posts: new Map(),
  };
  if (plan.steps.some((step) => step.kind === "uses")) {
    await runPres(job, (index, result) => {
      gathered.pres.set(index, result);
      conclude(job, gathered, { index, result });
    });
  }
  for (const [index, step] of plan.steps.entries()) {
    // Steps that start no process wait for nothing; the rest of the agent must go on all the same.
    await setImmediate();
    attempt.over.throwIfAborted();
    if (stop.halted.aborted && job.memory.stepsStarted.get(mainNo(plan, index)) === undefined) break;
    if (step.background === true) startBeside(job, gathered, index, step);
    else await runInTurn(job, gathered, index, step);
  }
  await settle(job, gathered, "all");
  await runPosts(job, gathered);
}

async function runInTurn(job: OpenJob, gathered: Gathered, index: number, step: StepDefinition): Promise<void> {
  const stepNo = mainNo(job.plan, index);
  const ended = await recallStep(job, stepNo);
  if (step.kind === "wait" || step.kind === "cancel") {
    const result = ended ?? (await minds(job, gathered, index, step));
    if (ended !== undefined && ended.outcome !== "skipped") await settle(job, gathered, targetsOf(step));
    return conclude(job, gathered, { index, result, isNew: ended === undefined, id: step.id });
  }
  const { stopped, halted } = job.stop;
  const own = { job, stepNo, step, actionName: gathered.names[index] ?? "", scope: job.scope };
  const preState = gathered.pres.get(index)?.state ?? {};
  const result = ended ?? (await runStep({ ...own, ends: { stopped, halted }, preState }));
  conclude(job, gathered, { index, result, isNew: ended === undefined, id: step.id });
}

/** Writes down what is new, and lets later steps and the controller see it. */
function conclude(
  job: OpenJob,
  gathered: Gathered,
  {
    index,
    result,
    isNew = !job.memory.stepsEnded.has(result.stepNo),
    id,
  }: {
    readonly index: number;
    readonly result: StepResult;
    readonly isNew?: boolean;
    readonly id?: string | undefined;
  },
): void {
  if (isNew) job.journal.append({ kind: "step_ended", attemptId: job.attempt.attemptId, result });
  register(gathered, index, result);
  job.scope.apply(result, id);
  job.reporter.report(toStepReport(result));
}

/** After-parts stand on a stack: whose first part began first has its after-part last. */
function register({ posts }: Gathered, index: number, { name, posts: records = [] }: StepResult): void {
  if (records.length === 0) return;
  const known = posts.get(index) ?? { name, records: new Map<string, PostRecord>() };
  known.name = name.replace(/^Pre /, "");
  for (const record of records) {
    known.records.delete(record.place);
    known.records.set(record.place, record);
  }
  posts.set(index, known);
}

/** Starts a step and goes on; what it leaves is seen when somebody waits for it. */
function startBeside(job: OpenJob, gathered: Gathered, index: number, step: StepDefinition): void {
  const { background, names } = gathered;
  const stepNo = mainNo(job.plan, index);
  const cancelling = new AbortController();
  const ends = {
    stopped: AbortSignal.any([job.stop.stopped, cancelling.signal]),
    halted: AbortSignal.any([job.stop.halted, cancelling.signal]),
  };
  const scope = job.scope.snapshot();
  const preState = gathered.pres.get(index)?.state ?? {};
  const run = async (): Promise<StepResult> => {
    const result = await runStep({ job, stepNo, step, actionName: names[index] ?? "", scope, ends, preState });
    job.journal.append({ kind: "step_ended", attemptId: job.attempt.attemptId, result });
    job.reporter.report(toStepReport(result));
    return result;
  };
  const isTooMany = background.runningCount >= BACKGROUND_STEPS_MAX && !job.memory.stepsStarted.has(stepNo);
  const known = job.memory.stepsEnded.get(stepNo);
  const again = async (result: StepResult) => (await recallStep(job, stepNo)) ?? result;
  // What it sees is settled before the next step begins.
  const ended = known !== undefined ? again(known) : isTooMany ? Promise.resolve(refuse(job, stepNo, step)) : run();
  background.add({ id: step.id, stepNo, ended, cancel: () => cancelling.abort("cancelled by a step") });
}

function refuse(job: OpenJob, stepNo: number, step: StepDefinition): StepResult {
  const fault = `at most ${BACKGROUND_STEPS_MAX} background steps may run at once`;
  const name = step.name ?? `Step ${stepNo + 1}`;
  job.logs.say(`Step ${stepNo + 1} cannot be run: ${fault}`);
  const facts = { stepNo, name: job.logs.redact(name), continueOnError: false, startedAtMs: job.clock.nowMs() };
  const result = toResult(job, facts, { outcome: "failed", fault });
  job.journal.append({ kind: "step_ended", attemptId: job.attempt.attemptId, result });
  job.reporter.report(toStepReport(result));
  return result;
}

const targetsOf = (step: WaitStepDefinition | CancelStepDefinition) =>
  step.kind === "cancel" ? [step.target] : step.targets;

/** Lets later steps see what background steps left, once these have ended. */
async function settle(job: OpenJob, gathered: Gathered, targets: readonly string[] | "all"): Promise<void> {
  await gathered.background.settle(targets, ({ stepNo, id }, result) => {
    register(gathered, stepNo, result);
    job.scope.apply(result, id);
    job.reporter.report(toStepReport(result));
  });
}

/** A step that only waits for background steps, or ends one. */
async function minds(
  job: OpenJob,
  gathered: Gathered,
  index: number,
  step: WaitStepDefinition | CancelStepDefinition,
): Promise<StepResult> {
  const { plan, scope, stop, clock } = job;
  const stepNo = mainNo(plan, index);
  const log = createStepLog({ logs: job.logs, stepNo, spoolPath: spoolPathOf(job), masksCount: undefined });
  const source = { repository: plan.source.repository, sha: plan.source.sha };
  const ends = { stopped: stop.stopped, halted: stop.halted };
  const outer = { job, stepNo, log, parts: countParts(), scope, ends, depth: 0, place: "", source, action: undefined };
  const frame = { ...outer, deadlineBootMs: undefined, defaults: {}, preState: {}, doStep };
  const isKnown = job.memory.stepsStarted.has(stepNo);
  const decision = decideStep(frame, step, {
    actionName: gathered.names[index] ?? "",
    backendNo: backendNo(plan, stepNo),
    isKnown,
  });
  const startedAtMs = job.memory.stepsStarted.get(stepNo)?.startedAtMs ?? clock.nowMs();
  const facts = { stepNo, name: decision.name, continueOnError: false, startedAtMs };
  if (decision.kind === "skip") return toResult(job, facts, { outcome: "skipped" });
  const { continueOnError } = decision;
  const finish = (end: Parameters<typeof toResult>[2]) => closeStep(job, log, { ...facts, continueOnError }, end);
  if (decision.kind === "refused") return finish({ outcome: "failed", fault: decision.why });
  const targets = targetsOf(step);
  const unknown = targets === "all" ? undefined : targets.find((id) => !gathered.background.knows(id));
  if (unknown !== undefined) return finish({ outcome: "failed", fault: `no background step '${unknown}' was started` });
  if (!isKnown) {
    const note = { startedAtMs, startedAtBootMs: job.bootClockMs() };
    job.journal.append({ kind: "step_started", attemptId: job.attempt.attemptId, stepNo, ...note });
  }
  job.reporter.report({ stepNo, name: decision.name, state: "running", startedAtMs });
  if (step.kind === "cancel") gathered.background.cancel(step.target);
  await settle(job, gathered, targets);
  return finish({ outcome: stop.stopped.aborted ? "cancelled" : "succeeded" });
}

/** The last that began first, also when the job failed or was stopped: they have their own conditions. */
async function runPosts(job: OpenJob, gathered: Gathered): Promise<void> {
  for (const [index, { name, records }] of [...gathered.posts].toReversed()) {
    job.attempt.over.throwIfAborted();
    const stepNo = job.plan.steps.length + index;
    if (job.stop.halted.aborted && !job.memory.stepsStarted.has(stepNo)) return;
    const ended = await recallStep(job, stepNo);
    const result = ended ?? (await runPost(job, { index, name, records: [...records.values()] }));
    conclude(job, gathered, { index, result, isNew: ended === undefined });
  }
}
