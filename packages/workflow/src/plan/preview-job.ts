import type { JobDefinition, MatrixCombination } from "@windrow/model";
import type { ExpressionContexts } from "../expression-data.ts";
import { type ConcurrencyRequest, evaluateConcurrency } from "./evaluate-concurrency.ts";
import { evaluateName, evaluateTimeout } from "./job-keys.ts";
import { placeJob } from "./job-labels.ts";
import { nameJob } from "./job-name.ts";
import { unlessUnknown } from "./not-known-yet.ts";

/** What is known of one job before the jobs it needs have run. */
export interface PreviewedKeys {
  readonly name: string;
  /** Labels of `runs-on`; absent for a call and when not known yet. */
  readonly runsOn?: readonly string[];
  /** `runs-on.group`. */
  readonly pool?: string;
  readonly timeoutMs?: number;
  readonly concurrency?: ConcurrencyRequest;
  readonly environment?: string;
  /** Keys whose values wait for other jobs: `if`, `matrix`, `runs-on`, … */
  readonly unknown: readonly string[];
}

/** Evaluates the keys of one row of a job as far as they are known. Throws `ExpressionFailure`. */
export function previewJob(job: JobDefinition, matrix: MatrixCombination, contexts: ExpressionContexts): PreviewedKeys {
  const unknown: string[] = [];
  function known<T>(key: string, evaluate: () => T): T | undefined {
    let isKnown = false;
    const value = unlessUnknown(() => {
      const found = evaluate();
      isKnown = true;
      return found;
    });
    if (!isKnown) unknown.push(key);
    return value;
  }
  const name = known("name", () => nameJob(job, matrix, contexts));
  const isCall = job.call !== undefined;
  const place = isCall ? undefined : known("runs-on", () => placeJob(job, contexts));
  const timeoutMs = isCall ? undefined : known("timeout-minutes", () => evaluateTimeout(job.timeoutMinutes, contexts));
  const environment = known("environment", () => evaluateName("environment", job.environment?.name, contexts));
  const concurrency = known("concurrency", () => job.concurrency && evaluateConcurrency(job.concurrency, contexts));
  return {
    name: name ?? job.key,
    ...(place !== undefined && { runsOn: place.labels }),
    ...(place?.pool !== undefined && { pool: place.pool }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(concurrency !== undefined && { concurrency }),
    ...(environment !== undefined && { environment }),
    unknown,
  };
}
