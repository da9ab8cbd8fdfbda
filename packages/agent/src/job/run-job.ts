import {
  type ContainersReceipt,
  type GraceSequence,
  isBackendFault,
  type JobHandle,
  type JobReceipt,
  noGrace,
} from "@windrow/backends";
import type { FinishReport, Outcome, Receipt } from "@windrow/model";
import { failpoint } from "@windrow/service";
import { ExpressionFailure } from "@windrow/workflow";
import type { JobNetwork } from "../network/job-network.ts";
import { createJobEngine, type JobEngine } from "./job-engine.ts";
import { confine, whatNetworkLacks } from "./job-network.ts";
import type { RunJobOptions } from "./job-options.ts";
import { evaluateJobOutputs } from "./job-outputs.ts";
import { type StopKind, watchJobStop } from "./job-stop.ts";
import type { OpenJob } from "./open-job.ts";
import { JobRefused, openPlace, type PlaceOptions } from "./open-place.ts";
import { runSteps } from "./run-steps.ts";
import { shipRemains } from "./ship-remains.ts";

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
  const hasOwnNetwork = memory.opened?.hasOwnNetwork ?? confine(machine, options.policy).network === "own";
  const end = (outcome: Outcome, reason: string, message?: string): JobResult => ({
    outcome,
    reason,
    ...(message === undefined ? {} : { message }),
    outputs: {},
    receipt: NO_RECEIPT,
    startedAtMs,
    finishedAtMs: clock.nowMs(),
  });
  // what was opened ahead was given no token yet, and was not opened for what holds
  if (memory.opened?.jobToken === undefined) {
    const user = options.site.user === undefined ? {} : { user: options.site.user };
    const { jobToken } = options;
    machine.journal.append({
      kind: "opened",
      attemptId: attempt.attemptId,
      ...user,
      jobToken,
      hasOwnNetwork,
      policy: options.policy,
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
    await createJobEngine(options).close();
    return end("lost", "infra_fault", sentence(error));
  }
  if (handle === undefined) return endGoneJob(options, end);

  const engine = createJobEngine(options);
  const opened: { network?: JobNetwork | undefined } = {};
  const endAtOnce = endWhenRevoked({ handle, engine }, options);
  const setDeadline = handle.setDeadline.bind(handle);
  machine.keeper.watch(attempt.attemptId, { ...kept, setDeadline });
  const timeoutLeftMs = startedAtBootMs + plan.timeoutMs - bootClockMs();
  const stop = watchJobStop({ attempt, clock, timeoutLeftMs, grace: plan.cancelGrace });
  try {
    // It may have been taken away while the job was opened: nobody listened then.
    attempt.over.throwIfAborted();
    const steps = await runAll({ options, handle, stop, engine, hasOwnNetwork }, opened);
    attempt.over.throwIfAborted();
    const grace = stop.kind === undefined ? withoutInterrupt(plan.cancelGrace) : stop.grace;
    const receipt = await closeAll({ handle, engine }, grace);
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
    const receipt = await closeAll({ handle, engine }, noGrace);
    const { outcome, reason } = judge({ outcome: "lost", reason: "infra_fault" }, receipt);
    logs.say(reason === "infra_fault" ? `The job broke: ${sentence(error)}` : DEADLINE_SENTENCE);
    return { ...end(outcome, reason, sentence(error)), receipt: toReceipt(receipt) };
  } finally {
    machine.keeper.unwatch(attempt.attemptId);
    stop.release();
    await opened.network
      ?.close()
      .catch((error: unknown) =>
        machine.logger.error({ err: error, attempt: attempt.attemptId }, "a job's network was left"),
      );
    engine.detach();
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
  return machine.backend.openJob(site, {
    deadlineBootMs,
    deadlineGrace: plan.cancelGrace,
    ...confine(machine, options.policy),
  });
}

interface OpenedJob {
  readonly handle: JobHandle;
  readonly engine: JobEngine;
}

/** The supervisor first: a step must not see its services go. */
async function closeAll({ handle, engine }: OpenedJob, grace: GraceSequence): Promise<JobReceipt> {
  let receipt: JobReceipt | undefined;
  let containers: ContainersReceipt;
  try {
    receipt = await handle.closeJob(grace);
  } finally {
    containers = await engine.close(grace);
  }
  return {
    ...receipt,
    processesEnded: receipt.processesEnded + containers.processesEnded,
    leftCount: receipt.leftCount + containers.leftCount,
  };
}

/** At once: whoever has the job now must not find this one beside it. */
function endWhenRevoked(opened: OpenedJob, { attempt, machine }: RunJobOptions): () => Promise<void> {
  const endNow = async () => {
    const receipt = await closeAll(opened, noGrace);
    machine.logger.warn({ attempt: attempt.attemptId, receipt }, "ended a job whose lease is lost");
  };
  const report = (error: unknown) =>
    machine.logger.error({ err: error, attempt: attempt.attemptId }, "a job whose lease is lost could not be ended");
  attempt.revoked.addEventListener("abort", () => void endNow().catch(report), { once: true });
  return () => endNow().catch(report);
}

/** Runs everything a job consists of. A job that cannot be run as it is written fails with a sentence. */
async function runAll(
  place: PlaceOptions,
  opened: { network?: JobNetwork | undefined },
): Promise<Pick<JobResult, "outcome" | "reason" | "outputs" | "message">> {
  const { options, stop } = place;
  const { logs } = options;
  const refuse = (reason: string, message: string) => {
    for (const line of message.split("\n")) logs.say(line);
    return { outcome: "failed", reason, message: logs.redact(message), outputs: {} } as const;
  };
  const endStopped = (kind: StopKind, outputs: JobResult["outputs"]) =>
    kind === "disk_limit"
      ? refuse("disk_limit", String(options.attempt.diskExceeded.reason))
      : { ...STOPPED[kind], outputs };
  let job: OpenJob;
  const lack = whatNetworkLacks(options);
  if (lack !== undefined) {
    return refuse("network_refused", `The job's pool limits what it may reach, which cannot be done here: ${lack}`);
  }
  try {
    const found = await openPlace(place);
    job = found.job;
    opened.network = found.network;
  } catch (error) {
    options.attempt.over.throwIfAborted();
    if (error instanceof ExpressionFailure) {
      return refuse("invalid_expression", `What the job runs in cannot be evaluated: ${error.message}`);
    }
    if (error instanceof JobRefused) return refuse(error.code, error.message);
    const { kind } = stop;
    if (kind === undefined) throw error;
    return endStopped(kind, {});
  }
  await failpoint("agent.before-first-step");
  await runSteps(job);
  if (stop.kind === "given_back") return endStopped(stop.kind, {});
  const outputs = evaluateJobOutputs(job);
  if (stop.kind !== undefined) return endStopped(stop.kind, outputs);
  if (job.scope.hasFailed) return { outcome: "failed", reason: "step_failed", outputs };
  return { outcome: "succeeded", reason: "succeeded", outputs };
}

/** What becomes of a job that was stopped. */
const STOPPED = {
  given_back: { outcome: "lost", reason: "agent_stopping" },
  timed_out: { outcome: "timed_out", reason: "timeout" },
  cancelled: { outcome: "cancelled", reason: "cancelled" },
} as const;

/** The supervisor went while the agent was down: what it left is collected, the job itself cannot go on. */
async function endGoneJob(
  options: RunJobOptions,
  end: (outcome: Outcome, reason: string, message?: string) => JobResult,
): Promise<JobResult> {
  const { machine, memory, logs, plan, site } = options;
  // Where no namespace held it, a step may have outlived its supervisor.
  await machine.backend.endRemains(site);
  await createJobEngine(options).close();
  const remains = await machine.backend.readRemains(site);
  const { reporter } = options;
  await shipRemains({ plan, memory, logs, reporter, siteDir: site.siteDir, remains });
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
