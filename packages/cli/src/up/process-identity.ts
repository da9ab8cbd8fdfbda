import { readFileSync } from "node:fs";
import { isProcessAlive } from "@windrow/embedded";
import { hasCode } from "@windrow/service";

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the kernel's ticks since boot; empty where the system does not tell. */
  readonly startedAt: string;
}

/** Answers undefined when the process is gone. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  if (!isProcessAlive(pid)) return undefined;
  if (process.platform !== "linux") return { pid, startedAt: "" };
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 22; the fields after the command name, which may itself hold blanks, begin with field 3.
    const startedAt = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    return { pid, startedAt };
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

export function isStillRunning(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startedAt === identity.startedAt;
}

/** One line of a pid file. */
export function encodeIdentity(identity: ProcessIdentity): string {
  return `${identity.pid} ${identity.startedAt}\n`;
}

/** Answers undefined for text that is no pid file's (an empty one after a power cut). */
export function decodeIdentity(text: string): ProcessIdentity | undefined {
  const found = /^([1-9][0-9]*) ([0-9]*)\n$/.exec(text);
  return found === null ? undefined : { pid: Number(found[1]), startedAt: found[2] ?? "" };
}
