import { isBackendFault, type StepExit } from "@windrow/backends";
import { TOO_MUCH_LEFT } from "./kept-bytes.ts";
import { readStepFiles, type StepWord } from "./read-step-files.ts";
import type { CommandsSaid } from "./step-commands.ts";
import type { StepFiles } from "./step-files.ts";
import type { StepFrame } from "./step-frame.ts";
import type { StepProcessLog } from "./step-log.ts";
import { keepSummary } from "./step-summary.ts";
import type { WorkEnd } from "./work-end.ts";

export interface ProcessStart {
  readonly argv: readonly string[];
  readonly env: { readonly [name: string]: string };
  readonly cwd: string;
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
  const { argv, env, cwd } = start;
  try {
    await job.handle.startStep({ stepNo: backendNo, argv, env, cwd, ...(job.runsBeside && { isBeside: true }) });
  } catch (error) {
    if (!isBackendFault(error, "step_invalid")) throw error;
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

async function follow(options: ProcessOptions, output: StepProcessLog): Promise<WorkEnd> {
  const { frame, backendNo, start } = options;
  const ending = await waitForExit(options);
  const { exit } = ending;
  const said = await output.endAt(exit.spoolBytes);
  const word = readStepFiles(start.files);
  const { annotations } = frame.log;
  for (const message of word.complaints) annotations.add({ level: "error", message });
  for (const message of word.errors) annotations.add({ level: "error", message });
  const summaryFile = keepSummary(frame.job, backendNo, word.summary);
  const joined = joinWord(said, word);
  const hasRoom = frame.job.kept.add(joined);
  if (!hasRoom) annotations.add({ level: "error", message: TOO_MUCH_LEFT });
  const fault = word.errors[0] ?? said.error ?? (hasRoom ? undefined : TOO_MUCH_LEFT);
  const left = { exit, ...(hasRoom && joined), ...(summaryFile !== undefined && { summaryFiles: [summaryFile] }) };
  if (ending.kind === "stopped") return { outcome: "cancelled", ...left };
  if (ending.kind === "timed_out") return { outcome: "timed_out", ...left };
  if (fault !== undefined) return { outcome: "failed", fault, ...left };
  return { outcome: exit.exitCode === 0 ? "succeeded" : "failed", ...left };
}

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
async function waitForExit({ frame, backendNo, stopped }: ProcessOptions): Promise<ProcessEnding> {
  const { job, deadlineBootMs } = frame;
  const { handle, clock } = job;
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
