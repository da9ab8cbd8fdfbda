import { createHash } from "node:crypto";
import type { RunFacts as StoredRun } from "@windrow/store";
import type { RunFacts } from "@windrow/workflow";

/** What expressions and plans are told of a run. */
export function toPlanFacts(
  run: StoredRun,
  place: { readonly publicUrl: string; readonly eventJson: string },
): RunFacts {
  return {
    repository: `${run.owner}/${run.repository}`,
    sha: run.sha,
    ref: run.ref,
    runId: run.id,
    runNumber: run.number,
    runAttempt: run.attempt,
    workflowName: run.workflowName,
    workflowPath: run.workflowPath,
    eventName: run.eventName,
    actor: run.actor,
    triggeringActor: run.actor,
    headRef: "",
    baseRef: "",
    eventDigest: createHash("sha256").update(place.eventJson).digest("hex"),
    trust: run.trust,
    defaultBranch: run.defaultBranch,
    publicUrl: place.publicUrl,
    eventJson: place.eventJson,
  };
}
