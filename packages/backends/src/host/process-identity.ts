import { readFileSync } from "node:fs";
import { hasCode } from "@windrow/service";

/** A process number together with its start time, which no later process with the same number shares. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, as the kernel prints it. */
  readonly startTime: string;
}

/** Undefined when there is no such process, or only its zombie. Reads the kernel's memory, never a disk: no need to wait. */
export function readProcessIdentity(pid: number): ProcessIdentity | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  // The name in parentheses may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTime = fields[19];
  if (fields[0] === "Z" || fields[0] === "X" || startTime === undefined) return undefined;
  return { pid, startTime };
}

export function isProcessAlive(identity: ProcessIdentity): boolean {
  return readProcessIdentity(identity.pid)?.startTime === identity.startTime;
}

function isGone(error: unknown): boolean {
  return hasCode(error, "ENOENT", "ESRCH");
}
