import { readFileSync, writeFileSync } from "node:fs";

/** Resident memory of a process now. */
export const readResidentMib = (pid: number): number => readField(pid, "VmRSS");

/** The most it had resident since it started, or since `forgetPeak`. */
export const readPeakMib = (pid: number): number => readField(pid, "VmHWM");

/** Counts the peak anew from what is resident now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function readField(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kib = new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0;
  return Math.round(Number(kib) / 1_024);
}
