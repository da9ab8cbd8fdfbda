import type { NewJob } from "@windrow/store";
import type { JobSeed } from "@windrow/workflow";
import { innerKey } from "./job-path.ts";

interface Call {
  readonly key: string;
  readonly name: string;
  readonly matrixIndex: number;
  readonly matrixTotal: number;
}

/** A row to insert from a job of a file; below a call its keys are paths. */
export function toNewJob(seed: JobSeed, call?: Call): NewJob {
  const { strategy } = seed;
  const keyOf = (key: string): string => (call === undefined ? key : innerKey(call, key));
  return {
    key: keyOf(seed.key),
    name: call === undefined ? seed.name : `${call.name} / ${seed.name}`,
    needs: seed.needs.map(keyOf),
    matrix: seed.matrix,
    matrixIndex: strategy.jobIndex,
    matrixTotal: strategy.jobTotal,
    failFast: strategy.failFast,
    maxParallel: limitOf(strategy.maxParallel, strategy.jobTotal),
    kind: seed.isCall ? "call" : "ordinary",
  };
}

/** Null when any number of them may run at once. */
export function limitOf(maxParallel: number | undefined, total: number): number | null {
  return maxParallel !== undefined && maxParallel < total ? maxParallel : null;
}
