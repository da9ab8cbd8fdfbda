import type { CalledWorkflow, Permissions, Trust, Value, WorkflowDefinition, WorkflowSource } from "@windrow/model";
import { jobPermissions } from "./job-permissions.ts";

/** The file a job stands in (the run's own, or one that was called) and what that file was given. */
export interface WorkflowScope {
  readonly definition: WorkflowDefinition;
  readonly source: WorkflowSource;
  /** Of the dispatch or of the call, typed. */
  readonly inputs: { readonly [name: string]: Value };
  /** Of a called file: what the calling job may do, which its jobs can only narrow. */
  readonly permissionsMax?: Permissions;
}

/** One call on the way down from the run's own file. */
export interface CallStep {
  /** Key of the calling job in its file. */
  readonly jobKey: string;
  /** As `decideJobReady` answered for it. */
  readonly inputs: { readonly [name: string]: Value };
}

/** The workflow reached by following calls by the keys of the calling jobs; nothing when one of them was not loaded. */
export function findCalled(definition: WorkflowDefinition, path: readonly string[]): CalledWorkflow | undefined {
  let at = definition;
  let called: CalledWorkflow | undefined;
  for (const key of path) {
    called = calledBy(at, key);
    if (called === undefined) return undefined;
    at = called.definition;
  }
  return called;
}

/**
 * The scope of a job below calls, from the run's own scope down; the run's own for no calls. Nothing when a called
 * workflow was not loaded.
 */
export function openScope(root: WorkflowScope, calls: readonly CallStep[], trust: Trust): WorkflowScope | undefined {
  let scope = root;
  for (const { jobKey, inputs } of calls) {
    const called = calledBy(scope.definition, jobKey);
    const job = scope.definition.jobs.find((one) => one.key === jobKey);
    if (called === undefined || job === undefined) return undefined;
    scope = calledScope(called, inputs, jobPermissions(scope, job, trust));
  }
  return scope;
}

function calledScope(
  called: CalledWorkflow,
  inputs: WorkflowScope["inputs"],
  permissionsMax: Permissions,
): WorkflowScope {
  const { repository, ref, sha, definition } = called;
  return { definition, source: { repository, ref, sha, path: definition.path }, inputs, permissionsMax };
}

function calledBy(definition: WorkflowDefinition, jobKey: string): CalledWorkflow | undefined {
  const uses = definition.jobs.find((job) => job.key === jobKey)?.call?.uses;
  if (uses === undefined || definition.called === undefined || !Object.hasOwn(definition.called, uses))
    return undefined;
  return definition.called[uses];
}
