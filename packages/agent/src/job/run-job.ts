import {
  type GraceSequence,
  isBackendFault,
  type JobHandle,
  type JobReceipt,
  type JobSite,
  noGrace,
  type StepBackend,
} from "@windrow/backends";
import type { FinishReport, Outcome, Plan, Receipt } from "@windrow/model";
import { type Clock, failpoint, type Logger } from "@windrow/service";
import { ExpressionFailure, evaluateTemplate } from "@windrow/workflow";
import type { AttemptMemory } from "../journal/attempt-memory.ts";
import type { Journal } from "../journal/journal.ts";
import type { HeldAttempt } from "../leases/held-attempt.ts";
import type { LeaseKeeper } from "../leases/lease-keeper.ts";
import type { StepReporter } from "../reports/step-reporter.ts";
import { hashFiles } from "./hash-files.ts";
import type { JobFiles } from "./job-files.ts";
import type { JobLogs } from "./job-logs.ts";
import { createJobScope } from "./job-scope.ts";
import { watchJobStop } from "./job-stop.ts";
import type { OpenJob } from "./open-job.ts";
import { backendStepNo, runStep } from "./run-step.ts";
import { jobEnvironment, runnerArch } from "./step-environment.ts";
import { toStepReport } from "./step-report.ts";

/** What is the same for all jobs of an agent. */
export interface JobMachine {
  readonly backend: StepBackend;
  readonly agentName: string;
  readonly serverUrl: string;
  readonly apiUrl: string;
  readonly machineEnv: { readonly [name: string]: string };
  readonly hasBash: boolean;
  readonly clock: Clock;
  readonly bootClockMs: () => number;
  readonly journal: Journal;
  readonly keeper: LeaseKeeper;
  readonly logger: Logger;
}

export interface RunJobOptions {
  readonly machine: JobMachine;
  readonly attempt: HeldAttempt;
  readonly plan: Plan;
  /** The document that the plan names. */
  readonly eventJson: string;
  readonly jobToken: string;
  readonly memory: AttemptMemory;
  readonly site: JobSite;
  readonly files: JobFiles;
  /** The job's supervisor, when it was started while the start was asked for. */
  readonly ahead?: Promise<JobHandle> | undefined;
  readonly logs: JobLogs;
  readonly reporter: StepReporter;
}

/** Everything the controller is told at the end but the seals, which the log adds. */
export type JobResult = Omit<FinishReport, "seals">;

/**
 * Runs a job's steps in order, or goes on with them after a restart of the agent, and ends all that is left of it.
 * Faults of the world become the outcome `lost`; only the loss of the lease is thrown (the reason of `revoked`).
 */
export async function runJob(options: RunJobOptions): Promise<JobResult> {
  const { machine, attempt, plan, memory, logs } = options;
  const { clock, bootClockMs } = machine;
  const startedAtMs = memory.opened?.startedAtMs ?? clock.nowMs();
  const startedAtBootMs = memory.opened?.startedAtBootMs ?? bootClockMs();
  const cancelGraceMs = plan.cancelGrace.interruptMs + plan.cancelGrace.terminateMs;
  const kept = { startedAtBootMs, timeoutMs: plan.timeoutMs, exclusive: plan.exclusive, cancelGraceMs };
  const end = (outcome: Outcome, reason: string, message?: string): JobResult => ({
    outcome,
    reason,
    ...(message === undefined ? {} : { message }),
    outputs: {},
    receipt: NO_RECEIPT,
    startedAtMs,
    finishedAtMs: clock.nowMs(),
  });
  if (memory.opened === undefined) {
    const user = options.site.user === undefined ? {} : { user: options.site.user };
    const { jobToken } = options;
    machine.journal.append({
      kind: "opened",
      attemptId: attempt.attemptId,
      ...user,
      jobToken,
      startedAtMs,
      startedAtBootMs,
    });
  }
  let handle: JobHandle | undefined;
  try {
    handle = await openOrAttach(options, machine.keeper.deadlineBootMs(attempt.attemptId, kept));
  } catch (error) {
    attempt.over.throwIfAborted();
    machine.logger.error({ err: error, attempt: attempt.attemptId }, "the job could not be opened");
    logs.say(`The job could not be started: ${sentence(error)}`);
    // Its supervisor may be there all the same, with a step of an earlier process under it: nothing of it may go on.
    await machine.backend.endRemains(options.site);
    return end("lost", "infra_fault", sentence(error));
  }
  if (handle === undefined) return endGoneJob(options, end);

  const endAtOnce = endWhenRevoked(handle, options);
  const setDeadline = handle.setDeadline.bind(handle);
  machine.keeper.watch(attempt.attemptId, { ...kept, setDeadline });
  const timeoutLeftMs = startedAtBootMs + plan.timeoutMs - bootClockMs();
  const stop = watchJobStop({ attempt, clock, timeoutLeftMs, grace: plan.cancelGrace });
  try {
    // It may have been taken away while the job was opened: nobody listened then.
    attempt.over.throwIfAborted();
    const steps = await runSteps(options, handle, stop);
    attempt.over.throwIfAborted();
    const receipt = await handle.closeJob(stop.kind === undefined ? withoutInterrupt(plan.cancelGrace) : stop.grace);
    return {
      ...steps,
      startedAtMs,
      finishedAtMs: clock.nowMs(),
      ...judge(steps, receipt),
      receipt: toReceipt(receipt),
    };
  } catch (error) {
    if (attempt.revoked.aborted) await endAtOnce();
    attempt.over.throwIfAborted();
    machine.logger.error({ err: error, attempt: attempt.attemptId }, "the job broke");
    const receipt = await handle.closeJob(noGrace);
    const { outcome, reason } = judge({ outcome: "lost", reason: "infra_fault" }, receipt);
    logs.say(reason === "infra_fault" ? `The job broke: ${sentence(error)}` : DEADLINE_SENTENCE);
    return { ...end(outcome, reason, sentence(error)), receipt: toReceipt(receipt) };
  } finally {
    machine.keeper.unwatch(attempt.attemptId);
    stop.release();
    handle.detach();
  }
}

const DEADLINE_SENTENCE = "The job was ended by its supervisor: it was too long without contact to the controller";

/** The supervisor had the last word when the deadline passed: without contact nobody may believe in the lease. */
function judge<T extends { outcome: Outcome; reason: string }>(
  result: T,
  receipt: Pick<JobReceipt, "endedByDeadline">,
): T {
  const isOwn = result.outcome === "timed_out" || result.outcome === "cancelled";
  return receipt.endedByDeadline && !isOwn ? { ...result, outcome: "lost", reason: "lease_expired" } : result;
}

async function openOrAttach(options: RunJobOptions, deadlineBootMs: number): Promise<JobHandle | undefined> {
  const { machine, memory, site, plan } = options;
  if (options.ahead !== undefined) {
    const handle = await options.ahead;
    await handle.setDeadline(deadlineBootMs, plan.cancelGrace);
    return handle;
  }
  if (memory.opened !== undefined) {
    const handle = await machine.backend.attachJob(site);
    if (handle !== undefined) {
      // The one it has is of the agent's earlier process.
      await handle.setDeadline(deadlineBootMs, plan.cancelGrace);
      return handle;
    }
    // The site may have been in the memory of a machine that restarted.
    if (memory.stepsStarted.size + memory.stepsEnded.size > 0) return undefined;
    // The agent may have died between its note and the supervisor's start.
    if ((await machine.backend.readRemains(site)) !== undefined) return undefined;
  }
  return machine.backend.openJob(site, { deadlineBootMs, deadlineGrace: plan.cancelGrace });
}

/** At once: whoever has the job now must not find this one beside it. */
function endWhenRevoked(handle: JobHandle, { attempt, machine }: RunJobOptions): () => Promise<void> {
  const endNow = async () => {
    const receipt = await handle.closeJob(noGrace);
    machine.logger.warn({ attempt: attempt.attemptId, receipt }, "ended a job whose lease is lost");
  };
  const report = (error: unknown) =>
    machine.logger.error({ err: error, attempt: attempt.attemptId }, "a job whose lease is lost could not be ended");
  attempt.revoked.addEventListener("abort", () => void endNow().catch(report), { once: true });
  return () => endNow().catch(report);
}

async function runSteps(
  options: RunJobOptions,
  handle: JobHandle,
  stop: OpenJob["stop"],
): Promise<Pick<JobResult, "outcome" | "reason" | "outputs">> {
  const { machine, attempt, plan, files, memory, reporter } = options;
  const { serverUrl, apiUrl, agentName } = machine;
  const eventPath = files.write("event.json", options.eventJson === "" ? "{}" : options.eventJson);
  const { workspaceDir, tempDir, homeDir } = files.work;
  const runner = {
    name: agentName,
    os: "Linux",
    arch: runnerArch(),
    temp: tempDir,
    tool_cache: `${homeDir}/.tool-cache`,
    environment: "self-hosted",
  };
  const scope = createJobScope({
    plan,
    eventJson: options.eventJson,
    jobToken: options.jobToken,
    serverUrl,
    apiUrl,
    workspaceDir,
    eventPath,
    runner,
    hashFiles: (patterns) => hashFiles(workspaceDir, patterns),
  });
  const environment = jobEnvironment({
    plan,
    files,
    agentName,
    attemptId: attempt.attemptId,
    attemptNo: attempt.attemptNo,
    jobId: attempt.jobId,
    serverUrl,
    apiUrl,
    eventPath,
  });
  const { machineEnv, hasBash, journal, clock, bootClockMs } = machine;
  const rest = { attempt, plan, jobToken: options.jobToken, serverUrl, memory, files, logs: options.logs, reporter };
  const job: OpenJob = { ...rest, handle, scope, environment, machineEnv, hasBash, journal, stop, clock, bootClockMs };

  await failpoint("agent.before-first-step");
  for (const [stepNo, step] of plan.steps.entries()) {
    attempt.over.throwIfAborted();
    if (stop.halted.aborted) break;
    scope.isStopped = stop.stopped.aborted;
    const ended = memory.stepsEnded.get(stepNo);
    if (ended !== undefined && ended.rawBytes > 0) {
      await options.logs.beginStep(stepNo, handle.spoolPath(backendStepNo(stepNo)), false).endAt(ended.rawBytes);
    }
    const result = ended ?? (await runStep(job, stepNo, step));
    if (ended === undefined) journal.append({ kind: "step_ended", attemptId: attempt.attemptId, result });
    scope.apply(result, step.id);
    reporter.report(toStepReport(result));
  }
  if (stop.kind === "given_back") return { outcome: "lost", reason: "agent_stopping", outputs: {} };
  const outputs = evaluateOutputs(job);
  if (stop.kind === "timed_out") return { outcome: "timed_out", reason: "timeout", outputs };
  if (stop.kind === "cancelled") return { outcome: "cancelled", reason: "cancelled", outputs };
  if (scope.hasFailed) return { outcome: "failed", reason: "step_failed", outputs };
  return { outcome: "succeeded", reason: "succeeded", outputs };
}

/** The documented limit of all outputs of a job together. */
export const JOB_OUTPUTS_BYTES_MAX = 1024 * 1024;

/** An output that cannot be evaluated, is too long or may hold a secret is left out, and the log says so. */
function evaluateOutputs(job: OpenJob): { [name: string]: string } {
  const outputs: { [name: string]: string } = {};
  let leftBytes = JOB_OUTPUTS_BYTES_MAX;
  for (const [name, template] of job.plan.outputs) {
    const leaveOut = (why: string) => job.logs.say(`The job's output '${name}' is left out: ${why}`);
    try {
      const value = evaluateTemplate(template, job.scope.contexts(), job.scope.functions);
      leftBytes -= Buffer.byteLength(value);
      if (leftBytes < 0) leaveOut(`the outputs of a job may have ${JOB_OUTPUTS_BYTES_MAX} bytes together`);
      else if (job.logs.holdsSecret(value)) leaveOut("it may hold a secret");
      else outputs[name] = value;
    } catch (error) {
      if (!(error instanceof ExpressionFailure)) throw error;
      leaveOut(error.message);
    }
  }
  return outputs;
}

/** The supervisor went while the agent was down: what it left is collected, the job itself cannot go on. */
async function endGoneJob(
  options: RunJobOptions,
  end: (outcome: Outcome, reason: string, message?: string) => JobResult,
): Promise<JobResult> {
  const { machine, memory, logs, plan, site } = options;
  // Where no namespace held it, a step may have outlived its supervisor.
  await machine.backend.endRemains(site);
  const remains = await machine.backend.readRemains(site);
  for (const [stepNo] of plan.steps.entries()) {
    const ended = memory.stepsEnded.get(stepNo);
    if (ended !== undefined) options.reporter.report(toStepReport(ended));
    const rawBytes = ended?.rawBytes ?? remains?.exits.get(backendStepNo(stepNo))?.spoolBytes;
    if (rawBytes === undefined && !memory.stepsStarted.has(stepNo)) continue;
    const log = logs.beginStep(stepNo, `${site.siteDir}/spool/${backendStepNo(stepNo)}`, false);
    await (rawBytes === undefined ? log.endWithSpool() : log.endAt(rawBytes));
  }
  const message = remains?.endedByDeadline
    ? DEADLINE_SENTENCE
    : "The job's supervisor is gone: the machine restarted, or it was killed";
  logs.say(message);
  return end("lost", remains?.endedByDeadline ? "lease_expired" : "infra_fault", message);
}

const NO_RECEIPT: Receipt = { processesEndedCount: 0, leftCount: 0, tookMs: 0, containment: "best-effort" };

function toReceipt(receipt: JobReceipt): Receipt {
  const { processesEnded, leftCount, tookMs, containment } = receipt;
  return { processesEndedCount: processesEnded, leftCount, tookMs: Math.round(tookMs), containment };
}

function sentence(error: unknown): string {
  if (isBackendFault(error)) return error.message;
  return error instanceof Error ? error.message : String(error);
}

/**
 * For what is left when a job ends by itself. A shell starts its background processes with SIGINT ignored, so waiting for
 * an interrupt to work would only hold the slot.
 */
function withoutInterrupt(grace: GraceSequence): GraceSequence {
  return { ...grace, interruptMs: 0 };
}
