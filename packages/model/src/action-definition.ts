import type { StepDefinition, Template, TemplateMap } from "./definition.ts";

/** An `action.yml` that was read without errors. */
export interface ActionDefinition {
  readonly name: string;
  readonly inputs: readonly ActionInput[];
  /** Of a composite action with the template of each value; of others the names alone count. */
  readonly outputs: readonly { readonly name: string; readonly value?: Template }[];
  readonly runs: CompositeRuns | JavaScriptRuns | DockerRuns;
}

export interface ActionInput {
  readonly name: string;
  readonly default?: Template;
  readonly required: boolean;
  readonly deprecation?: string;
}

export interface CompositeRuns {
  readonly kind: "composite";
  readonly steps: readonly StepDefinition[];
}

export interface JavaScriptRuns {
  readonly kind: "javascript";
  /** `node20`, `node24`, … as written. */
  readonly using: string;
  readonly main: string;
  readonly pre?: string;
  /** Without wrapping: `always()` when absent. */
  readonly preCondition: string;
  readonly post?: string;
  readonly postCondition: string;
}

export interface DockerRuns {
  readonly kind: "docker";
  /** `Dockerfile` path or `docker://image`. */
  readonly image: string;
  readonly args: readonly Template[];
  readonly env: TemplateMap;
  readonly entrypoint?: string;
  readonly preEntrypoint?: string;
  readonly preCondition: string;
  readonly postEntrypoint?: string;
  readonly postCondition: string;
}
