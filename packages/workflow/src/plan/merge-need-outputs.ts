import type { Conclusion, NeedResult } from "@windrow/model";

/** One finished row of a key: the only one, or one combination of its matrix. */
export interface FinishedJob {
  readonly conclusion: Conclusion;
  readonly continueOnError: boolean;
  readonly outputs: { readonly [name: string]: string };
}

/** What expressions see of a finished job: one that may fail counts as a success. */
export function needResult({ conclusion, continueOnError }: Omit<FinishedJob, "outputs">): Conclusion {
  return conclusion === "failure" && continueOnError ? "success" : conclusion;
}

/**
 * One need from all rows of its key, given in the order in which they finished: on equal names the output of the last
 * to finish wins, unless it is empty; the worst result counts, and skipped only if all were.
 */
export function mergeNeedOutputs(jobKey: string, finished: readonly FinishedJob[]): NeedResult {
  const outputs: { [name: string]: string } = {};
  for (const job of finished) {
    for (const [name, value] of Object.entries(job.outputs)) {
      if (value !== "" || !Object.hasOwn(outputs, name)) outputs[name] = value;
    }
  }
  return { jobKey, result: mergeResults(finished.map(needResult)), outputs };
}

function mergeResults(results: readonly Conclusion[]): Conclusion {
  if (results.includes("failure")) return "failure";
  if (results.includes("cancelled")) return "cancelled";
  return results.length > 0 && results.every((result) => result === "skipped") ? "skipped" : "success";
}
