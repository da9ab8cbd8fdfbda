import type { MatrixCombination, Trust } from "@windrow/model";
import type { Tx } from "../database.ts";
import { rowJson } from "../row-text.ts";

/** One job to insert; all start `blocked`, and unblocking them is the caller's next act in the same transaction. */
export interface NewJob {
  /**
   * Its key in its workflow file; below a call the path to it: `deploy/build`, or `deploy[1]/build` below a combination
   * of a matrix.
   */
  readonly key: string;
  readonly name: string;
  /** Keys of jobs that are inserted with it. */
  readonly needs: readonly string[];
  readonly matrix: MatrixCombination;
  readonly matrixIndex: number;
  readonly matrixTotal: number;
  readonly failFast: boolean;
  readonly maxParallel: number | null;
  /** `call`: the job is another workflow. */
  readonly kind: "ordinary" | "call";
}

/** Whose jobs they are. */
export interface JobsOwner {
  readonly runId: number;
  readonly runAttempt: number;
  readonly repositoryId: number;
  readonly owner: string;
  readonly trust: Trust;
  /** The call they stand in. */
  readonly parentJobId: number | null;
}

export const ROWS_PER_STATEMENT = 500;

/** Inserts jobs and what they need of each other; the ids come in the order of the jobs. */
export async function insertJobs(tx: Tx, owner: JobsOwner, jobs: readonly NewJob[]): Promise<number[]> {
  const ids = await insertJobRows(tx, owner, jobs);
  await insertNeeds(tx, jobs, ids);
  return ids;
}

/** Inserts the rows of jobs alone. */
export async function insertJobRows(tx: Tx, owner: JobsOwner, jobs: readonly NewJob[]): Promise<number[]> {
  const ids: number[] = [];
  for (let start = 0; start < jobs.length; start += ROWS_PER_STATEMENT) {
    const rows = jobs.slice(start, start + ROWS_PER_STATEMENT).map((job) => ({
      run_id: owner.runId,
      run_attempt: owner.runAttempt,
      repository_id: owner.repositoryId,
      owner: owner.owner,
      kind: job.kind,
      parent_job_id: owner.parentJobId,
      key: job.key,
      name: job.name,
      matrix: rowJson(job.matrix),
      matrix_index: job.matrixIndex,
      matrix_total: job.matrixTotal,
      fail_fast: job.failFast,
      max_parallel: job.maxParallel,
      trust: owner.trust,
      state: "blocked" as const,
      outputs: "{}",
    }));
    // rows come back in the order they were given: one insert without a select numbers them one after the other
    const inserted = await tx.insertInto("jobs").values(rows).returning("id").execute();
    ids.push(...inserted.map((row) => row.id).sort((a, b) => a - b));
  }
  return ids;
}

async function insertNeeds(tx: Tx, jobs: readonly NewJob[], ids: readonly number[]): Promise<void> {
  const idsByKey = new Map<string, number[]>();
  jobs.forEach((job, index) => {
    const id = ids[index];
    if (id === undefined) throw new Error(`job ${job.key} has no row`);
    idsByKey.set(job.key, [...(idsByKey.get(job.key) ?? []), id]);
  });
  const rows = jobs.flatMap((job, index) => {
    const jobId = ids[index];
    if (jobId === undefined) return [];
    return job.needs.flatMap((key) =>
      (idsByKey.get(key) ?? []).map((needsJobId) => ({ job_id: jobId, needs_job_id: needsJobId })),
    );
  });
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT * 10) {
    await tx
      .insertInto("job_needs")
      .values(rows.slice(start, start + ROWS_PER_STATEMENT * 10))
      .execute();
  }
}
