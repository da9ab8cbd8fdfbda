import type { StepDefinition, TemplateMap } from "./definition.ts";
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
  /** The event document; JSON by nature. */
  readonly eventJson: string;
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
  readonly defaults: { readonly shell?: string; readonly workingDirectory?: string };
  readonly timeoutMs: number;
  readonly outputs: TemplateMap;
  readonly steps: readonly StepDefinition[];
  /** An exclusive job (a deployment) must never overlap with its own next attempt. */
  readonly exclusive: boolean;
  readonly cancelGrace: { readonly interruptMs: number; readonly terminateMs: number };
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
