import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { defaultGrace, type JobHandle, type JobSite, noGrace, type SlotUser, wipeSite } from "@windrow/backends";
import {
  AGENT_STOPPING_REASON,
  JOB_LOG_BYTES_DEFAULT,
  JOB_POLICY_DEFAULT,
  type JobPolicy,
  type Outcome,
  Refusal,
} from "@windrow/model";
import { failpoint } from "@windrow/service";
import type { StartAttemptReply } from "@windrow/wire";
import type { ActionPort } from "./actions/action-port.ts";
import type { ActionJob } from "./actions/agent-actions.ts";
import type { DiskWatch } from "./disk/watch-disk.ts";
import { fetchEvent } from "./fetch-event.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { createRuntimeToken } from "./gateway/runtime-token.ts";
import { checkoutCredential } from "./job/checkout-step.ts";
import { createImagePins } from "./job/image-pins.ts";
import { moveToTrash, prepareJobFiles } from "./job/job-files.ts";
import { createJobLogs, type JobLogs } from "./job/job-logs.ts";
import { confine } from "./job/job-network.ts";
import type { JobMachine } from "./job/job-options.ts";
import { maskVariants } from "./job/mask-variants.ts";
import { type JobResult, runJob } from "./job/run-job.ts";
import { shipRemains } from "./job/ship-remains.ts";
import { prepareSpoolFolder } from "./job/spool-folder.ts";
import type { AttemptMemory } from "./journal/attempt-memory.ts";
import { AttemptRevoked, type HeldAttempt } from "./leases/held-attempt.ts";
import type { HeldAttempts } from "./leases/held-attempts.ts";
import { createJobLogLimit } from "./logs/job-log-limit.ts";
import { createLogShipper, type LogShipper } from "./logs/log-shipper.ts";
import { createStepReporter, type StepReporter } from "./reports/step-reporter.ts";
import type { Connection } from "./session/connection.ts";
import type { AgentFolders } from "./start/agent-folders.ts";

export interface AttemptRunner {
  readonly machine: JobMachine;
  readonly connection: Connection;
  readonly held: HeldAttempts;
  readonly gateway: Gateway;
  readonly folders: AttemptFolders;
  /** By slot number; empty when steps run as the agent itself. */
  readonly slotUsers: readonly (SlotUser | undefined)[];
  /** Where one attempt's steps get their actions from. */
  readonly openActions: (job: ActionJob) => ActionPort;
  /** The controller answered the start: the job is this agent's. */
  readonly onStarted?: () => void;
  /** What the pool said last: for what is made ready before the start is answered; nothing is until it is, without. */
  readonly poolPolicy?: () => JobPolicy;
  /** What the pool says now, as the start's answer has it. Answers why this agent cannot do so. */
  readonly onPolicy?: (policy: JobPolicy) => string | undefined;
  /** Watches what the job takes of the disk until the answer is called; absent where nobody does. */
  readonly watchDisk?: DiskWatch["watch"];
  /** There is something to sweep. */
  readonly onTrash: () => void;
}

export type AttemptFolders = Pick<
  AgentFolders,
  "sitesDir" | "workRootDir" | "trashDir" | "siteTrashDir" | "memoryFiles"
>;

/** How long a result waits for a controller that takes it. */
export const FINISH_WAIT_MS_MAX = 24 * 3_600_000;

/** Takes one accepted attempt from its start to the controller's last word; never throws. */
export async function runAttempt(runner: AttemptRunner, attempt: HeldAttempt, memory: AttemptMemory): Promise<void> {
  const { machine, held } = runner;
  const { attemptId } = attempt;
  const logger = machine.logger.child({ attempt: attemptId, job: attempt.jobId });
  try {
    await startAndFinish(runner, attempt, memory);
    logger.info("attempt finished");
  } catch (error) {
    // What was taken away is ended also by a process that goes: nobody else will.
    if (attempt.abandoned.aborted && !attempt.revoked.aborted) return;
    if (error instanceof AttemptRevoked) logger.warn({ err: error }, "attempt revoked");
    else logger.error({ err: error }, "attempt broke");
    await endRemains(runner, attempt).catch((fault: unknown) =>
      logger.error({ err: fault }, "a job could not be ended"),
    );
  }
  try {
    forget(runner, attempt);
  } catch (error) {
    logger.error({ err: error }, "the attempt left files behind");
  }
  try {
    machine.journal.append({ kind: "released", attemptId });
  } catch (error) {
    // A process after this one asks the controller about the attempt again, and hears that it is over.
    logger.error({ err: error }, "the journal does not know that the attempt is over");
  }
  machine.keeper.release(attemptId);
  held.release(attemptId);
}

async function startAndFinish(runner: AttemptRunner, attempt: HeldAttempt, memory: AttemptMemory): Promise<void> {
  const { machine, connection, held, gateway, folders } = runner;
  const { attemptId, leaseId } = attempt;
  const lease = { attemptId, leaseId };
  const signal = attempt.over;
  const onRefused = (refusal: Refusal) => attempt.revoke(refusal.message);
  const onBroken = (error: unknown) => {
    machine.logger.error({ err: error, attempt: attemptId }, "an attempt cannot be reported");
    attempt.revoke("its log or its reports cannot be sent");
  };
  const user = memory.opened?.user ?? runner.slotUsers[attempt.slotNo];
  if (user === undefined && runner.slotUsers.some((slotUser) => slotUser !== undefined)) {
    // It was accepted when the agent had more slots. Running it as root instead is out of the question.
    throw new Error(`slot ${attempt.slotNo + 1} has no user any more`);
  }
  const site = {
    attemptId,
    siteDir: join(folders.sitesDir, attemptId),
    workDir: join(folders.workRootDir, attemptId, "job"),
    filesDir: join(folders.memoryFiles?.rootDir ?? folders.workRootDir, attemptId),
    user,
  };
  await failpoint("agent.after-accept");
  const hasRun = memory.opened !== undefined;
  const expected = runner.poolPolicy?.() ?? JOB_POLICY_DEFAULT;
  let ahead =
    hasRun || memory.finishing !== undefined ? undefined : openAhead(runner, { attemptId, site, policy: expected });
  const start = await startAttempt(runner, attempt).catch(async (error: unknown) => {
    if (!attempt.abandoned.aborted) await closeUnused(ahead);
    throw error;
  });
  runner.onStarted?.();
  const { plan } = start;
  // what was only opened ahead by an earlier process has not begun
  const hasBegun = memory.opened?.jobToken !== undefined;
  // the job goes on as it began, whatever its pool has come to say since
  const policy = (hasBegun ? memory.opened?.policy : undefined) ?? start.policy;
  const unfitness = runner.onPolicy?.(start.policy);
  if (hasRun && !hasBegun && memory.finishing === undefined && !isOpenedFor(machine, memory, policy)) {
    await machine.backend.endRemains(site);
    await wipeSite(site);
  }
  if (ahead !== undefined && !isDeepStrictEqual(confine(machine, policy), confine(machine, expected))) {
    // The pool has changed meanwhile: nothing may run in what was opened for what it said before.
    await closeUnused(ahead);
    await wipeSite(site);
    ahead = openAhead(runner, { attemptId, site, policy });
  }
  const eventJson = await fetchEvent({ connection, lease, start, signal }).catch(async (error: unknown) => {
    if (!attempt.abandoned.aborted) await closeUnused(ahead);
    throw error;
  });
  // a job that is already running keeps the token it knows; the gateway trades it for the one that holds now
  const jobToken = memory.opened?.jobToken ?? start.jobToken;
  if (start.cancelRequested) attempt.cancel(start.cancelReason ?? "cancelled");
  const { clock, logger } = machine;
  const actions = runner.openActions({ attempt, user });
  const shipper = createLogShipper({ connection, lease, clock, logger, signal, onRefused, onBroken });
  const onCancelRequested = () => attempt.cancel("cancelled");
  const reporter = createStepReporter({ connection, lease, clock, signal, onCancelRequested, onRefused, onBroken });
  const { contents = "none" } = plan.permissions;
  const { repository, trust, sha } = plan;
  const mirror =
    contents === "none" ? undefined : machine.mirrors?.open({ repository, trust, sha, attemptId, jobToken });
  const closeGate = gateway.admit({
    jobToken,
    farmToken: start.jobToken,
    repository: plan.repository,
    contents,
    runId: plan.runId,
    jobId: attempt.jobId,
  });
  const unwatchDisk = runner.watchDisk?.({
    attemptId,
    folder: site.workDir,
    bytesMax: policy.limits.diskBytes,
    end: (message) => attempt.exceedDisk(message),
  });
  try {
    const spool = { siteDir: site.siteDir, attemptDir: join(folders.workRootDir, attemptId) };
    const logs = createJobLogs({
      spoolDir: prepareSpoolFolder(spool),
      shipper,
      masks: [
        ...start.masks.flatMap(maskVariants),
        ...[jobToken, start.jobToken]
          .flatMap((token) => [
            token,
            checkoutCredential(token),
            createRuntimeToken({ jobToken: token, runId: plan.runId, jobId: attempt.jobId }),
          ])
          .map((text) => Buffer.from(text)),
      ],
      earlierMasks: memory.masks,
      limit: createJobLogLimit({
        bytesMax: policy.limits.logBytes ?? JOB_LOG_BYTES_DEFAULT,
        earlierCuts: memory.logCuts,
        onCut(stream, storedBytes) {
          logger.info({ attempt: attemptId, stream, storedBytes }, "the log is beyond its limit");
          machine.journal.append({ kind: "log_cut", attemptId, stepNo: Number(stream), storedBytes });
        },
      }),
      onMask({ stepNo, bytes, heldFrom }) {
        const base64 = Buffer.from(bytes).toString("base64");
        const held = heldFrom.length > 0 && { heldFrom };
        machine.journal.append({ kind: "mask", attemptId, stepNo, base64, ...held });
      },
    });
    let result = memory.finishing;
    if (result === undefined) {
      if (!hasRun) sayHeader(logs, runner, attempt, site.user);
      if (attempt.cancelled.aborted && !hasRun) {
        await closeUnused(ahead);
        result = emptyResult("cancelled", "cancelled", clock.nowMs());
      } else if (unfitness !== undefined && !hasBegun) {
        // its pool changed while it was on its way: that is nobody's fault, and nothing of it has run
        await closeUnused(ahead);
        logs.say(`The job goes back to the queue: ${unfitness}`);
        result = { ...emptyResult("lost", AGENT_STOPPING_REASON, clock.nowMs()), message: unfitness };
      } else {
        const { workRootDir, memoryFiles } = folders;
        const filesRootDir = memoryFiles?.rootDir;
        const files = prepareJobFiles({ workRootDir, filesRootDir, attemptId, user: site.user });
        result = await runJob({
          machine,
          attempt,
          plan,
          policy,
          eventJson,
          actions,
          pins: createImagePins({ connection, lease }),
          jobToken,
          mirror,
          memory,
          site,
          files,
          ahead,
          logs,
          reporter,
        });
      }
      logs.say(footer(result));
      machine.journal.append({ kind: "finishing", attemptId, report: result });
    } else {
      // The job had ended before the agent died: its log and its reports may not be whole on the other side.
      await shipRemains({ plan, memory, logs, reporter, siteDir: site.siteDir });
    }
    unwatchDisk?.();
    held.freeSlot(attemptId);
    closeGate();
    logs.endSystem();
    await finish(runner, { attempt, shipper, reporter, result });
  } finally {
    unwatchDisk?.();
    closeGate();
    await shipper.stop();
  }
}

/** Whether what an earlier process opened ahead may be used for what the pool says. */
function isOpenedFor(machine: JobMachine, { opened }: AttemptMemory, policy: JobPolicy): boolean {
  const earlier = opened?.policy;
  return earlier !== undefined && isDeepStrictEqual(confine(machine, earlier), confine(machine, policy));
}

/** An empty job waits so long for its first step; whoever starts the attempt gives it the deadline of its lease. */
const AHEAD_MS_MAX = 600_000;

/**
 * Starts the job's supervisor while the controller is asked for the start: it takes as long, and runs nothing before. A
 * process after this one finds it by the note.
 */
function openAhead(
  { machine, folders }: AttemptRunner,
  of: { readonly attemptId: HeldAttempt["attemptId"]; readonly site: JobSite; readonly policy: JobPolicy },
): Promise<JobHandle> {
  const { attemptId, site, policy } = of;
  const { siteDir, user } = site;
  const nowBootMs = machine.bootClockMs();
  const open = async () => {
    // The question goes out first.
    await setImmediate();
    prepareSpoolFolder({ siteDir, attemptDir: join(folders.workRootDir, attemptId) });
    prepareJobFiles({
      workRootDir: folders.workRootDir,
      filesRootDir: folders.memoryFiles?.rootDir,
      attemptId,
      user,
    });
    machine.journal.append({
      kind: "opened",
      attemptId,
      ...(user === undefined ? {} : { user }),
      policy,
      startedAtMs: machine.clock.nowMs(),
      startedAtBootMs: nowBootMs,
    });
    return machine.backend.openJob(site, {
      deadlineBootMs: nowBootMs + AHEAD_MS_MAX,
      deadlineGrace: defaultGrace,
      ...confine(machine, policy),
    });
  };
  const handle = open();
  // Whoever needs it meets the error.
  handle.catch(() => undefined);
  return handle;
}

async function closeUnused(ahead: Promise<JobHandle> | undefined): Promise<void> {
  const [opened] = await Promise.allSettled([ahead]);
  if (opened.status === "rejected" || opened.value === undefined) return;
  try {
    await opened.value.closeJob(noGrace);
  } finally {
    opened.value.detach();
  }
}

async function startAttempt(runner: AttemptRunner, attempt: HeldAttempt): Promise<StartAttemptReply> {
  const { machine, connection } = runner;
  const { attemptId, leaseId } = attempt;
  try {
    return await connection.call(async ({ client, sessionNo }) => {
      const sentAtBootMs = machine.bootClockMs();
      const lease = { attemptId, leaseId, sessionNo };
      const reply = await client.startAttempt({ lease }, { signal: attempt.over });
      machine.keeper.renewed(attemptId, sentAtBootMs);
      return reply;
    }, attempt.over);
  } catch (error) {
    if (error instanceof Refusal) throw new AttemptRevoked(error.message);
    throw error;
  }
}

interface Finish {
  readonly attempt: HeldAttempt;
  readonly shipper: LogShipper;
  readonly reporter: StepReporter;
  readonly result: JobResult;
}

/** Ships what is left and reports the result until the controller has taken it, or refuses it. */
async function finish(runner: AttemptRunner, { attempt, shipper, reporter, result }: Finish): Promise<void> {
  const { attemptId, leaseId } = attempt;
  const given = AbortSignal.any([attempt.over, AbortSignal.timeout(FINISH_WAIT_MS_MAX)]);
  const [steps] = await Promise.all([reporter.takeRest(), shipper.drained()]);
  await failpoint("agent.before-finish");
  for (;;) {
    const seals = shipper.seals();
    try {
      const reply = await runner.connection.call(
        ({ client, sessionNo }) =>
          client.finishAttempt(
            { lease: { attemptId, leaseId, sessionNo }, report: { ...result, seals }, steps },
            { signal: given },
          ),
        given,
      );
      if (reply.kind === "accepted") return;
      shipper.rewind(reply.stream, reply.offset);
      await shipper.drained();
    } catch (error) {
      if (error instanceof Refusal) throw new AttemptRevoked(error.message);
      throw error;
    }
  }
}

/** An attempt that was taken away before this process attached to its job. */
async function endRemains({ machine, folders }: AttemptRunner, { attemptId }: HeldAttempt): Promise<void> {
  const site = { attemptId, siteDir: join(folders.sitesDir, attemptId), workDir: "/nonexistent" };
  await machine.backend.endRemains(site);
  await machine.containers?.endRemains(site);
}

/** Out of everybody's reach at once; the trash is swept later. */
function forget({ folders, onTrash }: AttemptRunner, { attemptId }: HeldAttempt): void {
  moveToTrash(join(folders.sitesDir, attemptId), folders.siteTrashDir, attemptId);
  moveToTrash(join(folders.workRootDir, attemptId), folders.trashDir, attemptId);
  const { memoryFiles } = folders;
  if (memoryFiles !== undefined) moveToTrash(join(memoryFiles.rootDir, attemptId), memoryFiles.trashDir, attemptId);
  onTrash();
}

function sayHeader(logs: JobLogs, runner: AttemptRunner, attempt: HeldAttempt, user: SlotUser | undefined): void {
  logs.say(`Agent ${runner.machine.agentName}, slot ${attempt.slotNo + 1}, attempt ${attempt.attemptNo}`);
  if (user !== undefined) logs.say(`Steps run as the user ${user.name}`);
}

function footer({ outcome, reason, receipt }: JobResult): string {
  const ended = receipt.processesEndedCount;
  const note = ended === 0 ? "" : `; ${ended} left-over ${ended === 1 ? "process was" : "processes were"} ended`;
  return `Job ${outcome}${reason === outcome ? "" : ` (${reason})`}${note}`;
}

function emptyResult(outcome: Outcome, reason: string, nowMs: number): JobResult {
  return {
    outcome,
    reason,
    outputs: {},
    receipt: { processesEndedCount: 0, leftCount: 0, tookMs: 0, containment: "best-effort" },
    startedAtMs: nowMs,
    finishedAtMs: nowMs,
  };
}
