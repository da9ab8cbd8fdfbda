import { isMapping, isString } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { JobDefinition, Position, StepDefinition, Template, TemplateMap } from "@windrow/model";
import { checkIdentifier } from "../check/check-identifier.ts";
import { checkReferences } from "../check/check-references.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { LABELS_MAX } from "../limits.ts";
import { DEFAULT_CONDITION, readCondition } from "./read-condition.ts";
import { type Defaults, readDefaults } from "./read-defaults.ts";
import { readSteps } from "./read-steps.ts";
import { NO_STRATEGY, readStrategy, type Strategy } from "./read-strategy.ts";
import { readTimeout } from "./read-timeout.ts";
import { ignore, refuse } from "./refuse.ts";
import { type Entry, entriesOf, itemsOf, positionOf, readTemplateMap, readTemplateText } from "./tokens.ts";

export interface ReadJob {
  readonly needs: { key: string; at: Position }[];
  /** Absent when nothing could be made of the entry; there is an error then. */
  readonly job?: JobDefinition;
}

const UNSUPPORTED_HINTS: ReadonlyMap<string, string> = new Map([
  ["uses", "reusable workflows come later: write the steps into this job"],
  ["container", "the steps run on the agent itself: remove 'container'"],
  ["services", "start what the job needs in a step"],
  ["concurrency", "remove 'concurrency': runs do not wait for each other yet"],
]);

interface Draft {
  name?: Template;
  needs: { key: string; at: Position }[];
  condition: string;
  runsOn: Template[];
  env: TemplateMap;
  defaults: Defaults;
  timeoutMinutes?: Template;
  continueOnError?: Template;
  outputs: TemplateMap;
  strategy: Strategy;
  steps: StepDefinition[];
}

/** One entry of `jobs:`. */
export function readJob({ key, at, value }: Entry, diagnostics: Diagnostics): ReadJob {
  checkIdentifier(key, "job", at, diagnostics);
  if (!isMapping(value)) return { needs: [] };
  const draft: Draft = {
    needs: [],
    condition: DEFAULT_CONDITION,
    runsOn: [],
    env: [],
    defaults: {},
    outputs: [],
    strategy: NO_STRATEGY,
    steps: [],
  };
  const entries = entriesOf(value);
  const isCall = entries.some((entry) => entry.key === "uses");
  for (const entry of entries) {
    // What belongs to the call is refused with the call.
    if (!isCall || !["with", "secrets"].includes(entry.key)) readJobEntry(entry, draft, diagnostics);
  }
  if (!isCall && draft.steps.length === 0 && !entries.some((entry) => entry.key === "steps")) {
    diagnostics.error(at, { code: "no-steps", message: `job '${key}' has no steps`, hint: "add 'steps'" });
  }
  const { needs, strategy, ...rest } = draft;
  const job: JobDefinition = {
    ...rest,
    key,
    needs: needs.map((need) => need.key),
    strategy: {
      failFast: strategy.failFast,
      ...(strategy.maxParallel !== undefined && { maxParallel: strategy.maxParallel }),
    },
    matrix: strategy.matrix,
    services: [],
    position: at,
  };
  checkReferences(job, { isMatrixKnown: strategy.isMatrixKnown }, diagnostics);
  return { needs, job };
}

function readJobEntry({ key, at, value }: Entry, draft: Draft, diagnostics: Diagnostics): void {
  switch (key) {
    case "name":
      assign(draft, "name", readTemplateText(value, at, diagnostics));
      return;
    case "needs":
      draft.needs = readNeeds(value, at, diagnostics);
      return;
    case "if":
      draft.condition = readCondition(value, at, diagnostics);
      return;
    case "runs-on":
      draft.runsOn = readRunsOn(value, at, diagnostics);
      return;
    case "env":
      draft.env = readTemplateMap(value, "env", diagnostics);
      return;
    case "defaults":
      draft.defaults = readDefaults(value, diagnostics);
      return;
    case "timeout-minutes":
      assign(draft, "timeoutMinutes", readTimeout(value, at, diagnostics));
      return;
    case "continue-on-error":
      assign(draft, "continueOnError", readTemplateText(value, at, diagnostics));
      return;
    case "outputs":
      draft.outputs = readTemplateMap(value, "outputs", diagnostics);
      return;
    case "strategy":
      draft.strategy = readStrategy(value, at, diagnostics);
      return;
    case "steps":
      draft.steps = readSteps(value, at, diagnostics);
      return;
    case "permissions":
      ignore(diagnostics, at, "'permissions'", "a job's token can read the repository and nothing else");
      return;
    default:
      refuse(diagnostics, at, `'${key}' of a job`, UNSUPPORTED_HINTS.get(key));
  }
}

function assign(draft: Draft, key: "name" | "continueOnError" | "timeoutMinutes", text: Template | undefined): void {
  if (text !== undefined) draft[key] = text;
}

function readNeeds(token: TemplateToken, at: Position, diagnostics: Diagnostics): { key: string; at: Position }[] {
  const needs: { key: string; at: Position }[] = [];
  for (const item of itemsOf(token)) {
    if (!isString(item)) {
      if (item.isExpression) refuse(diagnostics, positionOf(item, at), "an expression in 'needs'");
    } else if (!needs.some((need) => need.key === item.value)) {
      needs.push({ key: item.value, at: positionOf(item, at) });
    }
  }
  return needs;
}

function readRunsOn(token: TemplateToken, at: Position, diagnostics: Diagnostics): Template[] {
  if (isMapping(token)) {
    refuse(diagnostics, at, "'runs-on' with group and labels", "write the labels as a list");
    return [];
  }
  const labels: Template[] = [];
  for (const item of itemsOf(token)) {
    const label = readTemplateText(item, at, diagnostics);
    if (label !== undefined) labels.push(label);
  }
  if (labels.length === 0) {
    diagnostics.error(at, { code: "no-labels", message: "'runs-on' names no label", hint: "for example: linux" });
  }
  if (labels.length > LABELS_MAX) {
    diagnostics.error(at, { code: "limit-labels", message: `'runs-on' names more than ${LABELS_MAX} labels` });
  }
  return labels;
}
