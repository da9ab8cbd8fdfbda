import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { type Clock, hasCode } from "@windrow/service";
import { ProviderError } from "../provider-error.ts";
import type { MachineFiles } from "./machine-files.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";

const LOOK_EVERY_MS = 25;
const KILL_WAIT_MS = 5_000;

/** Asks the process to give its jobs back and go, then makes it. */
export async function endProcess(options: {
  readonly identity: ProcessIdentity;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { identity, graceMs } = options;
  if (!(await isRunning(identity))) return;
  kill(identity.pid, "SIGTERM");
  if (await hasEnded(options, graceMs)) return;
  // it leads the group of what it started itself; jobs are in groups of their own
  kill(-identity.pid, "SIGKILL");
  if (await hasEnded(options, KILL_WAIT_MS)) return;
  throw new ProviderError(`process ${identity.pid} does not end`, { retryable: true });
}

async function hasEnded(
  options: { readonly identity: ProcessIdentity; readonly clock: Clock; readonly signal: AbortSignal },
  withinMs: number,
): Promise<boolean> {
  const { identity, clock, signal } = options;
  const untilMs = clock.monotonicMs() + withinMs;
  while (await isRunning(identity)) {
    signal.throwIfAborted();
    if (clock.monotonicMs() > untilMs) return false;
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
  return true;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}

/**
 * Ends the jobs that outlived the agent, which are held by supervisors of their own, and removes what it keeps outside of
 * its folder. Only the agent's program knows how: it is run once more on the same folder, told to do nothing else.
 */
export async function clearAgent(options: {
  readonly files: MachineFiles;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { files, command, environment, signal } = options;
  const [program = "", ...argv] = command;
  if (!(await exists(files.agentDir))) return;
  const { code, text } = await new Promise<{ code: number | null; text: string }>((resolve, reject) => {
    const child = spawn(program, argv, {
      cwd: "/",
      env: { ...environment, WINDROW_AGENT_CLEAR: "1" },
      stdio: ["ignore", "ignore", "pipe"],
      killSignal: "SIGKILL",
      // no limit beside the caller's: a busy machine is slow to start a program, and starting again would only add to it
      signal,
    });
    let tail = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      tail = (tail + chunk).slice(-500);
    });
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ code: exitCode, text: tail.trim() }));
  });
  if (code === 0) return;
  throw new ProviderError(`what an agent left could not be ended (exit code ${code}): ${text}`, {
    retryable: true,
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}
