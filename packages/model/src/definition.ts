import type { Value } from "./value.ts";

/** Where something stands in a workflow file; lines and columns count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One complaint about a workflow file. `code` is stable and machine-readable, `hint` says what to do next. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Text that may hold `${{ }}` expressions, exactly as the language defines it after YAML scalar processing. It is
 * evaluated where its contexts are known: at unblocking on the controller, or on the agent.
 */
export type Template = string;

/** A template map keeps the order of the file. */
export type TemplateMap = readonly (readonly [name: string, value: Template])[];

/** A value of the file whose texts may hold expressions: what a matrix or a container that is computed is made of. */
export type ValueTemplate = Value;

export type StepDefinition = RunStepDefinition | UsesStepDefinition | WaitStepDefinition | CancelStepDefinition;

interface StepCommon {
  readonly id?: string;
  readonly name?: Template;
  /** The condition as the language defines it, already wrapped in `success() && (…)` where no status function stands in it. */
  readonly condition: string;
  readonly env: TemplateMap;
  readonly continueOnError?: Template;
  readonly timeoutMinutes?: Template;
  /** The next step does not wait for this one. The steps of `parallel:` are such steps, followed by a wait for them. */
  readonly background?: boolean;
  readonly position: Position;
}

export interface RunStepDefinition extends StepCommon {
  readonly kind: "run";
  readonly run: Template;
  readonly shell?: Template;
  readonly workingDirectory?: Template;
}

export interface UsesStepDefinition extends StepCommon {
  readonly kind: "uses";
  /** `owner/name[/path]@ref`, `./path`, `$/path` or `docker://image`, as written. */
  readonly uses: string;
  readonly with: TemplateMap;
}

/** Waits for background steps of the same job by id, or for all that were started before it. */
export interface WaitStepDefinition extends StepCommon {
  readonly kind: "wait";
  readonly targets: readonly string[] | "all";
}

/** Ends a background step of the same job. */
export interface CancelStepDefinition extends StepCommon {
  readonly kind: "cancel";
  readonly target: string;
}

export type PermissionLevel = "none" | "read" | "write";
/** What the job's token may do, by scope (`contents`, `actions`, …). A scope that is not named is `none`. */
export type Permissions = { readonly [scope: string]: PermissionLevel };

/** `concurrency`: at most one holder and, unless the queue is `max`, one that waits. */
export interface ConcurrencyDefinition {
  readonly group: Template;
  readonly cancelInProgress?: Template;
  readonly queue: "single" | "max";
}

export interface ContainerDefinition {
  readonly image: Template;
  readonly env: TemplateMap;
  readonly ports: readonly Template[];
  readonly volumes: readonly Template[];
  readonly options?: Template;
  readonly credentials?: { readonly username: Template; readonly password: Template };
  readonly entrypoint?: Template;
  readonly command?: Template;
  /** Of these texts in the file. */
  readonly imagePosition?: Position;
  readonly optionsPosition?: Position;
  readonly volumesPosition?: Position;
}

export interface ServiceDefinition extends ContainerDefinition {
  /** The host name it has for the steps. */
  readonly name: string;
}

/** `jobs.<id>.uses`: the job is another workflow. */
export interface CallDefinition {
  /** `./.github/workflows/x.yml` or `owner/name/.github/workflows/x.yml@ref`, as written. */
  readonly uses: string;
  readonly with: readonly (readonly [name: string, value: ValueTemplate])[];
  /** Every secret of the caller, or those named. */
  readonly secrets: "inherit" | TemplateMap;
  /** Of `uses`. */
  readonly position?: Position;
}

/** One job of a workflow as written, before matrix expansion. */
export interface JobDefinition {
  readonly key: string;
  readonly name?: Template;
  readonly needs: readonly string[];
  /** As for steps: wrapped in `success() && (…)` unless it names a status function. */
  readonly condition: string;
  /** One text may be an expression that gives a list. Empty for a call. */
  readonly runsOn: readonly Template[];
  /** `runs-on.group`: agents of that pool. */
  readonly runsOnGroup?: Template;
  readonly permissions?: Permissions;
  readonly concurrency?: ConcurrencyDefinition;
  readonly container?: ContainerDefinition;
  readonly services: readonly ServiceDefinition[];
  readonly environment?: { readonly name: Template; readonly url?: Template };
  readonly env: TemplateMap;
  readonly defaults: { readonly shell?: Template; readonly workingDirectory?: Template };
  readonly timeoutMinutes?: Template;
  readonly continueOnError?: Template;
  readonly outputs: TemplateMap;
  /** A template where the file has an expression. */
  readonly strategy: { readonly failFast: boolean | Template; readonly maxParallel?: number | Template };
  /** Expanded combinations in the documented order; one empty combination when there is no matrix. */
  readonly matrix: readonly MatrixCombination[];
  /** Present when the matrix has expressions: it is expanded when the needs are finished, and `matrix` is one empty combination. */
  readonly matrixTemplate?: ValueTemplate;
  /** Present when the job calls a workflow; it has no steps then. */
  readonly call?: CallDefinition;
  readonly steps: readonly StepDefinition[];
  readonly position: Position;
}

export type MatrixCombination = { readonly [name: string]: Value };

/** A workflow file that parsed without errors. */
export interface WorkflowDefinition {
  /** Path in the repository, for example `.windrow/workflows/ci.yml`. */
  readonly path: string;
  readonly name?: string;
  readonly runName?: Template;
  readonly permissions?: Permissions;
  readonly concurrency?: ConcurrencyDefinition;
  readonly env: TemplateMap;
  readonly defaults: { readonly shell?: Template; readonly workingDirectory?: Template };
  readonly triggers: readonly Trigger[];
  readonly jobs: readonly JobDefinition[];
  /** The workflows its jobs call, by `uses` as written; put there by whoever loads files. */
  readonly called?: { readonly [uses: string]: CalledWorkflow };
}

/** A reusable workflow at the commit it was resolved to. */
export interface CalledWorkflow {
  readonly repository: string;
  readonly ref: string;
  readonly sha: string;
  readonly definition: WorkflowDefinition;
}

/** One event of `on:` with its filters (patterns in the language's own glob syntax, in order). */
export interface Trigger {
  readonly event: string;
  readonly branches?: readonly string[];
  readonly branchesIgnore?: readonly string[];
  readonly tags?: readonly string[];
  readonly tagsIgnore?: readonly string[];
  readonly paths?: readonly string[];
  readonly pathsIgnore?: readonly string[];
  readonly types?: readonly string[];
  /** `schedule`: five fields in the order of cron; UTC unless a time zone is named. */
  readonly schedules?: readonly { readonly cron: string; readonly timezone?: string }[];
  /** `workflow_run`: names of workflows. */
  readonly workflows?: readonly string[];
  /** `workflow_dispatch` and `workflow_call`. */
  readonly inputs?: readonly InputDefinition[];
  /** `workflow_call`. */
  readonly outputs?: readonly (readonly [name: string, value: Template])[];
  readonly secrets?: readonly { readonly name: string; readonly required: boolean; readonly description?: string }[];
}

export const INPUT_TYPES = ["string", "boolean", "number", "choice", "environment"] as const;
export type InputType = (typeof INPUT_TYPES)[number];

/** A typed input of a workflow. */
export interface InputDefinition {
  readonly name: string;
  readonly type: InputType;
  readonly description?: string;
  readonly required: boolean;
  /** Of `workflow_call` it may hold expressions. */
  readonly default?: ValueTemplate;
  /** `choice`: what may be chosen. */
  readonly options?: readonly string[];
}
