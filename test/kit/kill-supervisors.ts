import { readdirSync, readFileSync } from "node:fs";

/** Ends, with SIGKILL, every process whose command line or environment names this folder of an agent; returns how many. */
export function killProcessesOf(agentDir: string): number {
  let count = 0;
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const words = `${read(`/proc/${entry}/cmdline`)}\0${read(`/proc/${entry}/environ`)}`;
    if (!words.includes(agentDir)) continue;
    try {
      process.kill(Number(entry), "SIGKILL");
      count++;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
  return count;
}

const GONE = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && GONE.has(String(error.code))) return "";
    throw error;
  }
}
