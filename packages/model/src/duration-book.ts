import type { RepositoryId } from "./ids.ts";

/** One job that ran, as the recorded history has it. */
export interface DurationRecord {
  readonly repositoryId: RepositoryId;
  /** Of the job in its workflow file. */
  readonly key: string;
  readonly pool: string;
  readonly durationMs: number;
}

/** How long jobs take, learnt from those that ran. */
export interface DurationBook {
  /** Of every `percent` of 100 jobs like this; of its pool when none ran; DURATION_MS_DEFAULT when none of those did. */
  expect(
    job: { readonly repositoryId: RepositoryId; readonly key: string; readonly pool: string },
    percent: number,
  ): number;
  /** Where a job like this ran the last time. */
  lastPool(job: { readonly repositoryId: RepositoryId; readonly key: string }): string | undefined;
}

export const DURATION_MS_DEFAULT = 60_000;
/** Older ones of the same job say nothing any more. */
const RECORDS_PER_JOB_MAX = 50;

/** `records`: the newest first. */
export function createDurationBook(records: readonly DurationRecord[]): DurationBook {
  const byJob = new Map<string, { readonly pool: string; readonly durations: number[] }>();
  const byPool = new Map<string, number[]>();
  for (const record of records) {
    const key = keyOf(record);
    const known = byJob.get(key) ?? { pool: record.pool, durations: [] };
    if (known.durations.length < RECORDS_PER_JOB_MAX) known.durations.push(record.durationMs);
    byJob.set(key, known);
    const ofPool = byPool.get(record.pool);
    if (ofPool === undefined) byPool.set(record.pool, [record.durationMs]);
    else ofPool.push(record.durationMs);
  }
  for (const { durations } of byJob.values()) durations.sort((a, b) => a - b);
  for (const durations of byPool.values()) durations.sort((a, b) => a - b);
  return {
    expect(job, percent) {
      const durations = byJob.get(keyOf(job))?.durations ?? byPool.get(job.pool);
      return durations === undefined ? DURATION_MS_DEFAULT : (percentileOf(durations, percent) ?? DURATION_MS_DEFAULT);
    },
    lastPool: (job) => byJob.get(keyOf(job))?.pool,
  };
}

/** The smallest of sorted values that `percent` of 100 do not exceed; undefined of none. */
export function percentileOf(sorted: readonly number[], percent: number): number | undefined {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
}

/** What is left of a job that has run for so long; one that took longer than expected may take longer still. */
export function expectLeft(expectedMs: number, elapsedMs: number): number {
  return elapsedMs < expectedMs ? expectedMs - elapsedMs : elapsedMs / 4;
}

const keyOf = (job: { readonly repositoryId: RepositoryId; readonly key: string }): string =>
  `${job.repositoryId}/${job.key}`;
