import type {
  ContainerDefinition,
  Permissions,
  ServiceDefinition,
  StepDefinition,
  Template,
  TemplateMap,
} from "./definition.ts";
import type { Conclusion, Trust } from "./states.ts";
import type { Value } from "./value.ts";

/**
 * The resolved instruction for one job: everything an agent needs to run it except secrets. Steps keep their
 * expressions, since those see contexts that exist only while the job runs.
 */
export interface Plan {
  readonly jobKey: string;
  readonly jobName: string;
  readonly repository: string;
  readonly sha: string;
  readonly ref: string;
  readonly runId: number;
  readonly runNumber: number;
  readonly runAttempt: number;
  readonly workflowName: string;
  readonly workflowPath: string;
  readonly eventName: string;
  readonly actor: string;
  readonly trust: Trust;
  readonly defaultBranch: string;
  /** Shown in `github.server_url` where the controller evaluates it; the agent puts its gateway there. */
  readonly publicUrl: string;
  readonly triggeringActor: string;
  /** Of a pull request; empty otherwise. */
  readonly headRef: string;
  readonly baseRef: string;
  /** SHA-256 (hex) of the event's document, which is fetched by it. */
  readonly eventDigest: string;
  /** Where the file with this job stands: the run's own workflow, or the one that was called. */
  readonly source: WorkflowSource;
  /** Of the dispatch, or of the call. */
  readonly inputs: { readonly [name: string]: Value };
  readonly vars: { readonly [name: string]: string };
  /** What the job's token may do. */
  readonly permissions: Permissions;
  readonly matrix: { readonly [name: string]: Value };
  readonly strategy: {
    readonly failFast: boolean;
    readonly jobIndex: number;
    readonly jobTotal: number;
    readonly maxParallel: number;
  };
  readonly needs: readonly NeedResult[];
  /** Workflow env first, then job env; later wins. */
  readonly env: TemplateMap;
  readonly defaults: { readonly shell?: Template; readonly workingDirectory?: Template };
  readonly timeoutMs: number;
  readonly outputs: TemplateMap;
  readonly steps: readonly StepDefinition[];
  readonly container?: ContainerDefinition;
  readonly services: readonly ServiceDefinition[];
  readonly environment?: { readonly name: string; readonly url?: Template };
  /** An exclusive job (a deployment) must never overlap with its own next attempt. */
  readonly exclusive: boolean;
  readonly cancelGrace: { readonly interruptMs: number; readonly terminateMs: number };
}

export interface WorkflowSource {
  readonly repository: string;
  readonly path: string;
  readonly ref: string;
  readonly sha: string;
}

export interface NeedResult {
  readonly jobKey: string;
  readonly result: Conclusion;
  readonly outputs: { readonly [name: string]: string };
}

/** The documented defaults: a job may run six hours; interrupt, 7.5 s, terminate, 2.5 s, kill. */
export const JOB_TIMEOUT_MINUTES_DEFAULT = 360;
export const CANCEL_INTERRUPT_MS = 7_500;
export const CANCEL_TERMINATE_MS = 2_500;
