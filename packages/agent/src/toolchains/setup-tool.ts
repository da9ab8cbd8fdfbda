import type { BuiltInAnswer, BuiltInRequest } from "../actions/action-port.ts";
import type { ToolRunner } from "./machine-tools.ts";
import type { NpmRegistry } from "./npm-registry.ts";
import type { ToolCache } from "./tool-cache.ts";

/** What the built-in setup actions share on one agent. */
export interface ToolSources {
  readonly cache: ToolCache;
  readonly registry: NpmRegistry;
  readonly nowMs: () => number;
}

/** One setup action for one step. */
export type SetupTool = (request: BuiltInRequest, sources: ToolSources, runner: ToolRunner) => Promise<BuiltInAnswer>;

/** An input, trimmed; empty when the step does not give it. */
export const inputOf = ({ inputs }: BuiltInRequest, name: string): string => (inputs.get(name) ?? "").trim();

export const isTrue = (text: string): boolean => text.toLowerCase() === "true";

/** What several setup actions take and this agent does not do; a line for the log each. */
export function noticesOf(request: BuiltInRequest): string[] {
  const notices: string[] = [];
  if (isTrue(inputOf(request, "check-latest"))) {
    notices.push("Note: check-latest has no effect here: a version that the agent has is taken");
  }
  const cache = inputOf(request, "cache");
  if (cache !== "" && cache.toLowerCase() !== "false") {
    notices.push(`Note: cache: ${cache} has no effect yet: nothing is restored or saved`);
  }
  return notices;
}

/** Says that a version cannot be had, and which can. */
export function cannotBeHad(options: {
  readonly tool: string;
  readonly wanted: string;
  readonly has: readonly string[];
  /** What is known of other places. */
  readonly elsewhere?: string | undefined;
}): BuiltInAnswer {
  const { tool, wanted, has, elsewhere } = options;
  const here = has.length === 0 ? `this agent has no ${tool}` : `this agent has ${has.join(", ")}`;
  const more = elsewhere === undefined ? "" : `; ${elsewhere}`;
  return { kind: "refused", why: `${tool} ${wanted} cannot be had: ${here}${more}` };
}

export const VERSIONS_SHOWN_MAX = 12;
