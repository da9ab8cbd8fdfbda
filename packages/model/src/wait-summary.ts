import { percentileOf } from "./duration-book.ts";

/** How long jobs waited. Percentiles are null of no jobs. */
export interface WaitSummary {
  readonly jobsCount: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** Of 100 jobs, how many started within the target; null of no jobs. */
  readonly withinTargetPercent: number | null;
}

export function summariseWaits(waitsMs: readonly number[], targetWaitMs: number): WaitSummary {
  const sorted = [...waitsMs].sort((a, b) => a - b);
  const at = (percent: number): number | null => percentileOf(sorted, percent) ?? null;
  const within = sorted.filter((ms) => ms <= targetWaitMs).length;
  return {
    jobsCount: sorted.length,
    p50Ms: at(50),
    p95Ms: at(95),
    p99Ms: at(99),
    withinTargetPercent: sorted.length === 0 ? null : (within / sorted.length) * 100,
  };
}
