import type { JobDefinition, WorkflowDefinition } from "@windrow/model";
import { findCalled } from "@windrow/workflow";

/** The key of a job in its own file: the last part of `deploy[1]/build`. */
export function localKey(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

/** The key that a job of a called file has in the run. */
export function innerKey(
  call: { readonly key: string; readonly matrixIndex: number; readonly matrixTotal: number },
  key: string,
): string {
  return `${call.key}${call.matrixTotal > 1 ? `[${call.matrixIndex}]` : ""}/${key}`;
}

/** The keys of the calling jobs, the outermost first, each as in its own file. */
export function callPath(key: string): string[] {
  return key
    .split("/")
    .slice(0, -1)
    .map((part) => part.replace(/\[\d+\]$/, ""));
}

/** What the file with the job says of it. Throws when the run was made from a file without it: a bug. */
export function findJobDefinition(definition: WorkflowDefinition, key: string): JobDefinition {
  const path = callPath(key);
  const file = path.length === 0 ? definition : findCalled(definition, path)?.definition;
  const job = file?.jobs.find((one) => one.key === localKey(key));
  if (job === undefined) throw new Error(`there is no job ${key} in ${definition.path}`);
  return job;
}
