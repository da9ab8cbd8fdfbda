import type { WorkflowDefinition } from "@windrow/model";

/** The workflows that a workflow's jobs call, as written in `uses`, each once and in the order of the file. */
export function listCalls(definition: Pick<WorkflowDefinition, "jobs">): string[] {
  return [...new Set(definition.jobs.flatMap((job) => job.call?.uses ?? []))];
}
