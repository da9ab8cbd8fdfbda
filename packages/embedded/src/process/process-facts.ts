import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { hasCode } from "@windrow/service";

/** Errors that mean "that process is gone, or is not ours to look at". */
const GONE = ["ENOENT", "ESRCH", "EACCES", "EPERM", "EINVAL"] as const;

/** True while the process exists and has not ended (a zombie has ended). */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    if (!hasCode(error, "EPERM")) throw error;
  }
  if (process.platform !== "linux") return true;
  try {
    // Field 3, after the command name, which may itself hold blanks and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
    return state !== "Z" && state !== "X";
  } catch (error) {
    if (hasCode(error, ...GONE)) return false;
    throw error;
  }
}

/** The process's arguments as started, or undefined when it is gone. */
export function readCommandLine(pid: number): readonly string[] | undefined {
  try {
    if (process.platform === "linux") {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replace(/\0+$/, "");
      return line === "" ? undefined : line.split("\0");
    }
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" })
      .trim()
      .split(" ");
  } catch (error) {
    // `ps` ends with 1 when there is no such process.
    if (hasCode(error, ...GONE) || process.platform !== "linux") return undefined;
    throw error;
  }
}

/** Ids of the live processes whose working folder is `folder` (Linux only; elsewhere none are found). */
export function findProcessesIn(folder: string): readonly number[] {
  if (process.platform !== "linux") return [];
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      if (readlinkSync(`/proc/${name}/cwd`) === folder && isProcessAlive(Number(name))) found.push(Number(name));
    } catch (error) {
      if (!hasCode(error, ...GONE)) throw error;
    }
  }
  return found;
}
