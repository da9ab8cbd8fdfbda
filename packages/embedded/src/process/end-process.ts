import { type Clock, hasCode } from "@windrow/service";
import { isProcessAlive } from "./process-facts.ts";

const LOOK_EVERY_MS = 20;

/** Waits until the process has ended; false when it is still there after `withinMs`. */
export async function waitForEnd(pid: number, withinMs: number, clock: Clock): Promise<boolean> {
  const until = clock.monotonicMs() + withinMs;
  while (isProcessAlive(pid)) {
    if (clock.monotonicMs() >= until) return false;
    await clock.sleep(LOOK_EVERY_MS);
  }
  return true;
}

/** Sends a signal; false when the process is already gone. Throws when it may not be signalled. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    throw error;
  }
}

/** One signal and how long the process is given before the next one. */
export interface EndStep {
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
}

/** Ends a process with signals of rising force; false when it outlived all of them. */
export async function endProcess(pid: number, steps: readonly EndStep[], clock: Clock): Promise<boolean> {
  for (const step of steps) {
    if (!signalProcess(pid, step.signal)) return true;
    if (await waitForEnd(pid, step.graceMs, clock)) return true;
  }
  return !isProcessAlive(pid);
}
