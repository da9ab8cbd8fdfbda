import type { WorkflowDefinition } from "@windrow/model";
import { findJobDefinition } from "./job-path.ts";

interface CancellableJob {
  readonly id: number;
  readonly key: string;
  readonly kind: "ordinary" | "call";
  readonly state: string;
  readonly parentJobId: number | null;
}

/** A condition that asks to be judged even when the run is cancelled. */
const OUTLIVES_CANCEL = /\b(?:always|cancelled)\s*\(/i;

export function mayOutlive(definition: WorkflowDefinition, job: Pick<CancellableJob, "key">): boolean {
  return OUTLIVES_CANCEL.test(findJobDefinition(definition, job.key).condition);
}

/** Of jobs that are to be cancelled those that end now: not the blocked ones that ask to be judged even then. */
export function leaveOutliving<J extends CancellableJob>(jobs: readonly J[], definition: WorkflowDefinition): J[] {
  return jobs.filter((job) => job.state !== "blocked" || !mayOutlive(definition, job));
}

/** These jobs and, of calls among them, everything inside. */
export function withInside<J extends CancellableJob>(all: readonly J[], chosen: readonly J[]): J[] {
  const ids = new Set(chosen.map((job) => job.id));
  if (!chosen.some((job) => job.kind === "call")) return [...chosen];
  // inner jobs are made after the call they stand in
  for (const job of [...all].sort((a, b) => a.id - b.id)) {
    if (job.parentJobId !== null && ids.has(job.parentJobId)) ids.add(job.id);
  }
  return all.filter((job) => ids.has(job.id));
}
