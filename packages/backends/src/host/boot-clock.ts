import { readFileSync } from "node:fs";

/**
 * Milliseconds since the machine started, to the hundredth of a second: the clock that deadlines are written in, because a
 * shell can read it without starting a process. It never goes back and counts time asleep.
 */
export function bootClockMs(): number {
  const text = readFileSync("/proc/uptime", "latin1");
  return Math.round(Number(text.slice(0, text.indexOf(" "))) * 1_000);
}
