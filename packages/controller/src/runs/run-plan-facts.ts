import { createHash } from "node:crypto";
import type { Value, WorkflowDefinition } from "@windrow/model";
import type { RunFacts as StoredRun } from "@windrow/store";
import { openScope, type RunFacts, type WorkflowScope } from "@windrow/workflow";
import { localKey } from "./job-path.ts";

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
    triggeringActor: run.triggeringActor,
    headRef: run.headRef,
    baseRef: run.baseRef,
    eventDigest: createHash("sha256").update(place.eventJson).digest("hex"),
    trust: run.trust,
    defaultBranch: run.defaultBranch,
    publicUrl: place.publicUrl,
    eventJson: place.eventJson,
  };
}

type ScopeFacts = Pick<StoredRun, "id" | "owner" | "repository" | "workflowPath" | "ref" | "sha" | "inputs" | "trust">;

/** The run's own file, or the one that its calls lead to; what the calls were given comes with the outermost first. */
export function toRunScope(
  run: ScopeFacts,
  definition: WorkflowDefinition,
  calls: readonly { readonly key: string; readonly inputs: { readonly [name: string]: Value } }[] = [],
): WorkflowScope {
  const source = {
    repository: `${run.owner}/${run.repository}`,
    path: run.workflowPath,
    ref: run.ref,
    sha: run.sha,
  };
  const root = { definition, source, inputs: run.inputs };
  if (calls.length === 0) return root;
  const steps = calls.map(({ key, inputs }) => ({ jobKey: localKey(key), inputs }));
  const scope = openScope(root, steps, run.trust);
  if (scope === undefined) throw new Error(`run ${run.id} calls a workflow that was not loaded`);
  return scope;
}
