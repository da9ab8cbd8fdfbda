import { isMapping } from "@actions/workflow-parser";
import type { JobDefinition, StepDefinition, Template, TemplateMap } from "@windrow/model";
import { checkIdentifier } from "../check/check-identifier.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { readCall } from "./read-call.ts";
import { readConcurrency } from "./read-concurrency.ts";
import { DEFAULT_CONDITION, readCondition } from "./read-condition.ts";
import { readContainer, readServices } from "./read-container.ts";
import { type Defaults, readDefaults } from "./read-defaults.ts";
import { readEnvironment } from "./read-environment.ts";
import { readNeeds, type WrittenNeed } from "./read-needs.ts";
import { readPermissions } from "./read-permissions.ts";
import { type RunsOn, readRunsOn } from "./read-runs-on.ts";
import { readSteps } from "./read-steps.ts";
import { NO_STRATEGY, readStrategy, type Strategy } from "./read-strategy.ts";
import { readTimeout } from "./read-timeout.ts";
import { ignore, refuse } from "./refuse.ts";
import { type Entry, entriesOf, readOpenMap, readTemplateMap, readTemplateText } from "./tokens.ts";

export interface ReadJob {
  readonly entry: Entry;
  readonly needs: readonly WrittenNeed[];
  /** Names of the matrix; absent when they are not known. */
  readonly matrixNames?: ReadonlySet<string>;
  /** Absent when nothing could be made of the entry; there is an error then. */
  readonly job?: JobDefinition;
}

type Optional = Pick<
  JobDefinition,
  | "name"
  | "permissions"
  | "concurrency"
  | "container"
  | "environment"
  | "timeoutMinutes"
  | "continueOnError"
  | "runsOnGroup"
>;

interface Draft {
  readonly optional: { -readonly [Key in keyof Optional]: Optional[Key] };
  needs: readonly WrittenNeed[];
  condition: string;
  runsOn: readonly Template[];
  env: TemplateMap;
  defaults: Defaults;
  outputs: TemplateMap;
  services: JobDefinition["services"];
  strategy: Strategy;
  steps: readonly StepDefinition[];
}

const OF_CALL = new Set(["uses", "with", "secrets"]);

/** One entry of `jobs:`. */
export function readJob(job: Entry, diagnostics: Diagnostics): ReadJob {
  const { key, at, value } = job;
  checkIdentifier(key, "job", at, diagnostics);
  if (!isMapping(value)) return { entry: job, needs: [] };
  const draft: Draft = {
    optional: {},
    needs: [],
    condition: DEFAULT_CONDITION,
    runsOn: [],
    env: [],
    defaults: {},
    outputs: [],
    services: [],
    strategy: NO_STRATEGY,
    steps: [],
  };
  const entries = entriesOf(value);
  for (const entry of entries) if (!OF_CALL.has(entry.key)) readJobEntry(entry, draft, diagnostics);
  const find = (name: string): Entry | undefined => entries.find((entry) => entry.key === name);
  const uses = find("uses");
  const call = uses && readCall({ uses, inputs: find("with"), secrets: find("secrets") }, diagnostics);
  if (call === undefined && find("steps") === undefined) {
    diagnostics.error(at, { code: "no-steps", message: `job '${key}' has no steps`, hint: "add 'steps'" });
  }
  const { needs, strategy, optional, ...rest } = draft;
  const { matrix, failFast, maxParallel } = strategy;
  const definition: JobDefinition = {
    key,
    ...optional,
    ...rest,
    needs: needs.map((need) => need.key),
    strategy: { failFast, ...(maxParallel !== undefined && { maxParallel }) },
    matrix: matrix.combinations,
    ...(matrix.template !== undefined && { matrixTemplate: matrix.template }),
    ...(call !== undefined && { call }),
    position: at,
  };
  return {
    entry: job,
    needs,
    job: definition,
    ...(matrix.names !== undefined && { matrixNames: matrix.names }),
  };
}

/** Leaves the key away when its value could not be read. */
function put<Key extends keyof Optional>(
  optional: Draft["optional"],
  key: Key,
  value: Optional[Key] | undefined,
): void {
  if (value !== undefined) optional[key] = value;
}

function readJobEntry(entry: Entry, draft: Draft, diagnostics: Diagnostics): void {
  const { key, at, value } = entry;
  const { optional } = draft;
  switch (key) {
    case "name":
      put(optional, "name", readTemplateText(value, at, diagnostics));
      return;
    case "needs":
      draft.needs = readNeeds(entry, diagnostics);
      return;
    case "if":
      draft.condition = readCondition(value, at, diagnostics);
      return;
    case "runs-on": {
      const runsOn: RunsOn = readRunsOn(entry, diagnostics);
      draft.runsOn = runsOn.labels;
      put(optional, "runsOnGroup", runsOn.group);
      return;
    }
    case "permissions":
      put(optional, "permissions", readPermissions(value));
      return;
    case "concurrency":
      put(optional, "concurrency", readConcurrency(entry, diagnostics));
      return;
    case "container":
      put(optional, "container", readContainer(entry, diagnostics));
      return;
    case "services":
      draft.services = readServices(value, at, diagnostics);
      return;
    case "environment":
      put(optional, "environment", readEnvironment(entry, diagnostics));
      return;
    case "env":
      draft.env = readOpenMap(value, "env", diagnostics);
      return;
    case "defaults":
      draft.defaults = readDefaults(value, diagnostics);
      return;
    case "timeout-minutes":
      put(optional, "timeoutMinutes", readTimeout(value, at, diagnostics));
      return;
    case "continue-on-error":
      put(optional, "continueOnError", readTemplateText(value, at, diagnostics));
      return;
    case "outputs":
      draft.outputs = readTemplateMap(value, "outputs", diagnostics);
      return;
    case "strategy":
      draft.strategy = readStrategy(entry, diagnostics);
      return;
    case "steps":
      draft.steps = readSteps(value, at, diagnostics);
      return;
    case "snapshot":
      ignore(diagnostics, at, "'snapshot'", "agents make no images of themselves");
      return;
    case "cancel-timeout-minutes":
      ignore(diagnostics, at, `'${key}'`, "a cancelled job gets the time its farm gives");
      return;
    default:
      refuse(diagnostics, at, `'${key}' of a job`);
  }
}
