import {
  type BackendFault,
  type ContainerSpec,
  isBackendFault,
  type JobContainers,
  type StepExit,
} from "@windrow/backends";
import { TOO_MUCH_LEFT } from "./kept-bytes.ts";
import type { OpenJob } from "./open-job.ts";
import { readStepFiles, type StepWord } from "./read-step-files.ts";
import type { CommandsSaid } from "./step-commands.ts";
import type { StepFiles } from "./step-files.ts";
import type { StepFrame } from "./step-frame.ts";
import type { StepProcessLog } from "./step-log.ts";
import { keepSummary } from "./step-summary.ts";
import type { WorkEnd } from "./work-end.ts";

export type ProcessStart = MachineStart | ContainerStart;

interface MachineStart {
  readonly kind?: undefined;
  readonly argv: readonly string[];
  readonly env: { readonly [name: string]: string };
  readonly cwd: string;
  readonly files: StepFiles;
  /** Although the job has a container. */
  readonly isOnMachine?: boolean | undefined;
}

/** A container of its own. */
interface ContainerStart {
  readonly kind: "container";
  readonly containers: JobContainers;
  readonly spec: ContainerSpec;
  readonly env: { readonly [name: string]: string };
  readonly files: StepFiles;
}

export interface ProcessOptions {
  readonly frame: StepFrame;
  readonly backendNo: number;
  readonly start: ProcessStart;
  /** Ends it with grace. */
  readonly stopped: AbortSignal;
}

/**
 * Runs one process of a step to its end, or goes on with it after a restart of the agent. Throws a `BackendFault` when the
 * world broke, the reason of `over` when the attempt is not this process's any more.
 */
export async function runProcess({ frame, backendNo, start, stopped }: ProcessOptions): Promise<WorkEnd> {
  const { job, log } = frame;
  const { env } = start;
  try {
    await begin({ frame, backendNo, start, stopped });
  } catch (error) {
    if (!isStepsOwn(error)) throw error;
    return { outcome: "failed", fault: error.message };
  }
  const allowsUnsecure = env.ACTIONS_ALLOW_UNSECURE_COMMANDS?.toLowerCase() === "true";
  const output = log.beginProcess(backendNo, { allowsUnsecure });
  try {
    return await follow({ frame, backendNo, start, stopped }, output);
  } catch (error) {
    if (job.attempt.abandoned.aborted) output.leave();
    else await output.endWithSpool();
    throw error;
  }
}

/** What the workflow asks wrongly fails the step, not the job. */
const isStepsOwn = (error: unknown): error is BackendFault =>
  isBackendFault(error, "step_invalid") || isBackendFault(error, "container_refused");

async function begin({ frame: { job }, backendNo, start }: ProcessOptions): Promise<void> {
  if (start.kind === "container") return start.containers.startStep({ stepNo: backendNo, spec: start.spec });
  const { argv, env, cwd } = start;
  return job.handle.startStep({
    ...{ stepNo: backendNo, argv, env, cwd },
    ...(job.runsBeside && { isBeside: true }),
    ...(isInside(job, start) && { isInContainer: true }),
  });
}

const isInside = ({ view }: OpenJob, start: ProcessStart): boolean =>
  view.isInContainer && start.kind !== "container" && start.isOnMachine !== true;

async function follow(options: ProcessOptions, output: StepProcessLog): Promise<WorkEnd> {
  const { frame, backendNo, start } = options;
  const ending = await waitForExit(options);
  const { exit } = ending;
  const gone = isInside(frame.job, start) ? frame.job.engine.opened?.containers.gone : undefined;
  // it did not end: its container went from under it
  if (ending.kind === "exited") gone?.throwIfAborted();
  const said = await output.endAt(exit.spoolBytes);
  const word = readStepFiles(start.files);
  const { annotations } = frame.log;
  for (const message of word.complaints) annotations.add({ level: "error", message });
  for (const message of word.errors) annotations.add({ level: "error", message });
  const summaryFile = keepSummary(frame.job, backendNo, word.summary);
  const joined = joinWord(said, word);
  const hasRoom = frame.job.kept.add(joined);
  if (!hasRoom) annotations.add({ level: "error", message: TOO_MUCH_LEFT });
  const outOfMemory = exit.isOutOfMemory === true ? explainOutOfMemory(frame.job) : undefined;
  if (outOfMemory !== undefined && exit.exitCode === 0) annotations.add({ level: "warning", message: outOfMemory });
  const fault = word.errors[0] ?? said.error ?? (hasRoom ? undefined : TOO_MUCH_LEFT);
  const left = { exit, ...(hasRoom && joined), ...(summaryFile !== undefined && { summaryFiles: [summaryFile] }) };
  if (ending.kind === "stopped") return { outcome: "cancelled", ...left };
  if (ending.kind === "timed_out") return { outcome: "timed_out", ...left };
  if (fault !== undefined) return { outcome: "failed", fault, ...left };
  if (exit.exitCode === 0) return { outcome: "succeeded", ...left };
  return { outcome: "failed", ...(outOfMemory !== undefined && { fault: outOfMemory }), ...left };
}

/** What the kernel did leaves no word of its own in the step's output. */
function explainOutOfMemory({ memoryBytes }: OpenJob): string {
  const limit = memoryBytes === undefined ? "" : ` of ${Math.round(memoryBytes / MEBIBYTE)} MiB, which its pool sets`;
  return `the kernel ended a process of it: the job's memory was over its limit${limit}`;
}

const MEBIBYTE = 1024 * 1024;

/** What came by file is newer than what came by command. */
function joinWord(said: CommandsSaid, word: StepWord): Pick<WorkEnd, "outputs" | "env" | "paths" | "state"> {
  return {
    outputs: Object.fromEntries([...said.outputs, ...word.outputs]),
    env: [...said.env, ...word.env],
    paths: [...said.paths, ...word.paths],
    state: Object.fromEntries([...said.state, ...word.state]),
  };
}

interface ProcessEnding {
  readonly kind: "exited" | "stopped" | "timed_out";
  readonly exit: StepExit;
}

/** Waits for the exit; ends the process with grace when `stopped` aborts or the step's time is up. */
async function waitForExit({ frame, backendNo, start, stopped }: ProcessOptions): Promise<ProcessEnding> {
  const { job, deadlineBootMs } = frame;
  const { clock } = job;
  const handle = start.kind === "container" ? start.containers : job.handle;
  const over = new AbortController();
  const timers = AbortSignal.any([over.signal, job.attempt.over]);
  const exited = handle.waitStep(backendNo, timers);
  const asked = new Promise<"stopped">((resolve) => {
    if (stopped.aborted) resolve("stopped");
    else stopped.addEventListener("abort", () => resolve("stopped"), { once: true, signal: over.signal });
  });
  const timedOut =
    deadlineBootMs === undefined
      ? new Promise<never>(() => {})
      : clock.sleep(Math.max(0, deadlineBootMs - job.bootClockMs()), timers).then(() => "timed_out" as const);
  try {
    const first = await Promise.race([exited, asked, timedOut]);
    if (typeof first !== "string") return { kind: "exited", exit: first };
    await handle.cancelStep(backendNo, job.stop.grace);
    return { kind: first, exit: await exited };
  } finally {
    over.abort("over");
    // When it lost the race to a fault of another call its own end is of no interest.
    exited.catch(() => undefined);
  }
}
