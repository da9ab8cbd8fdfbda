import { readFileSync } from "node:fs";
import { hasCode } from "@windrow/service";

/** Whether a process runs; one that has ended and was not waited for does not. */
export function isThere(pid: number): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return false;
    throw error;
  }
}
