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

export type StepDefinition = RunStepDefinition | UsesStepDefinition;

interface StepCommon {
  readonly id?: string;
  readonly name?: Template;
  /** The condition as the language defines it, already wrapped in `success() && (…)` where no status function stands in it. */
  readonly condition: string;
  readonly env: TemplateMap;
  readonly continueOnError?: Template;
  readonly timeoutMinutes?: Template;
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
  /** `actions/checkout@v4` is built in; the others are refused by name until they are supported. */
  readonly uses: string;
  readonly with: TemplateMap;
}

/** One job of a workflow as written, before matrix expansion. */
export interface JobDefinition {
  readonly key: string;
  readonly name?: Template;
  readonly needs: readonly string[];
  /** As for steps: wrapped in `success() && (…)` unless it names a status function. */
  readonly condition: string;
  readonly runsOn: readonly Template[];
  readonly env: TemplateMap;
  readonly defaults: { readonly shell?: Template; readonly workingDirectory?: Template };
  readonly timeoutMinutes?: Template;
  readonly continueOnError?: Template;
  readonly outputs: TemplateMap;
  readonly strategy: { readonly failFast: boolean; readonly maxParallel?: number };
  /** Expanded combinations in the documented order; one empty combination when there is no matrix. */
  readonly matrix: readonly MatrixCombination[];
  readonly steps: readonly StepDefinition[];
  readonly position: Position;
}

export type MatrixCombination = { readonly [name: string]: Value };

/** A workflow file that parsed without errors. */
export interface WorkflowDefinition {
  /** Path in the repository, for example `.windrow/workflows/ci.yml`. */
  readonly path: string;
  readonly name?: string;
  readonly env: TemplateMap;
  readonly defaults: { readonly shell?: Template; readonly workingDirectory?: Template };
  readonly triggers: readonly Trigger[];
  readonly jobs: readonly JobDefinition[];
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
}
