import { readdirSync, readFileSync } from "node:fs";
import { hasCode } from "@windrow/service";
import { ifThere } from "./if-there.ts";

/** Ends, with SIGKILL, every process whose command line or environment names this folder of an agent; returns how many. */
export function killProcessesOf(agentDir: string): number {
  let count = 0;
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const read = (name: string) => ifThere(() => readFileSync(`/proc/${entry}/${name}`, "latin1")) ?? "";
    if (!`${read("cmdline")}\0${read("environ")}`.includes(agentDir)) continue;
    try {
      process.kill(Number(entry), "SIGKILL");
      count++;
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }
  return count;
}
