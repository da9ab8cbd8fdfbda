import { isMapping, isString } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position, Trigger } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { FILTER_CHARS_MAX, PATTERNS_MAX } from "../limits.ts";
import { explainPattern } from "../triggers/match-pattern.ts";
import { isStartingEvent } from "./event-names.ts";
import { readCallOutputs, readCallSecrets } from "./read-call-interface.ts";
import { readInputs } from "./read-inputs.ts";
import { readSchedules } from "./read-schedules.ts";
import { ignore } from "./refuse.ts";
import { type Entry, entriesOf, isNull, itemsOf, positionOf } from "./tokens.ts";

/** Lists of patterns. */
const FILTERS = {
  branches: "branches",
  "branches-ignore": "branchesIgnore",
  tags: "tags",
  "tags-ignore": "tagsIgnore",
  paths: "paths",
  "paths-ignore": "pathsIgnore",
} as const;

type FilterKey = keyof typeof FILTERS;
type Draft = { -readonly [Key in keyof Trigger]: Trigger[Key] };

const isFilterKey = (key: string): key is FilterKey => Object.hasOwn(FILTERS, key);

/** `on:` as a name, a list of names or a map with filters. */
export function readTriggers(token: TemplateToken, at: Position, diagnostics: Diagnostics): Trigger[] {
  if (isMapping(token)) {
    return entriesOf(token).map((entry) => readTrigger(entry, diagnostics));
  }
  const triggers: Trigger[] = [];
  for (const item of itemsOf(token)) {
    if (!isString(item)) continue;
    checkEvent(item.value, positionOf(item, at), diagnostics);
    if (!triggers.some((trigger) => trigger.event === item.value)) triggers.push({ event: item.value });
  }
  return triggers;
}

function checkEvent(event: string, at: Position, diagnostics: Diagnostics): void {
  if (isStartingEvent(event)) return;
  ignore(diagnostics, at, `the event '${event}'`, "nothing on the farm causes it; try it with 'windrow try --event'");
}

function readTrigger({ key: event, at, value }: Entry, diagnostics: Diagnostics): Trigger {
  checkEvent(event, at, diagnostics);
  const draft: Draft = { event };
  if (event === "schedule") draft.schedules = readSchedules(value, diagnostics);
  const places = new Map<string, Position>();
  for (const entry of entriesOf(value)) {
    if (!isNull(entry.value)) places.set(entry.key, entry.at);
    readTriggerEntry(entry, draft, diagnostics);
  }
  for (const key of ["branches", "tags", "paths"]) {
    const ignoring = places.get(`${key}-ignore`);
    if (!places.has(key) || ignoring === undefined) continue;
    diagnostics.error(ignoring, {
      code: "both-filters",
      message: `'${key}' and '${key}-ignore' cannot both be given for '${event}'`,
      hint: `keep '${key}' and write the exceptions as patterns with '!'`,
    });
  }
  if (event === "workflow_run" && draft.workflows === undefined) {
    diagnostics.warning(at, {
      code: "missing-key",
      message: "'workflow_run' names no workflows, so it starts after every one",
      hint: "add 'workflows' with their names",
    });
  }
  return draft;
}

function readTriggerEntry(entry: Entry, draft: Draft, diagnostics: Diagnostics): void {
  const { key, at, value } = entry;
  // A filter without a value is no filter.
  if (isNull(value)) return;
  if (isFilterKey(key)) {
    draft[FILTERS[key]] = readFilter(entry, diagnostics);
    return;
  }
  switch (key) {
    case "types":
    case "workflows":
      draft[key] = texts(value);
      return;
    case "inputs":
      draft.inputs = readInputs(entry, diagnostics);
      return;
    case "outputs":
      draft.outputs = readCallOutputs(entry, diagnostics);
      return;
    case "secrets":
      draft.secrets = readCallSecrets(entry);
      return;
    case "names":
    case "versions":
      ignore(diagnostics, at, `'${key}'`, "nothing on the farm makes images");
  }
}

function texts(token: TemplateToken): string[] {
  return itemsOf(token).flatMap((item) => (isString(item) ? [item.value] : []));
}

function readFilter({ key, at, value }: Entry, diagnostics: Diagnostics): string[] {
  const patterns: string[] = [];
  for (const item of itemsOf(value)) {
    if (!isString(item)) continue;
    const pattern = item.value;
    patterns.push(pattern);
    const problem = explainPattern(pattern);
    if (problem !== undefined) {
      diagnostics.error(positionOf(item, at), { code: "pattern", message: `pattern '${pattern}': ${problem}` });
    }
  }
  const chars = patterns.reduce((sum, pattern) => sum + pattern.length, 0);
  if (patterns.length > PATTERNS_MAX || chars > FILTER_CHARS_MAX) {
    diagnostics.error(at, {
      code: "limit-patterns",
      message: `'${key}' has more than ${PATTERNS_MAX} patterns or ${FILTER_CHARS_MAX} characters`,
      hint: "use patterns that mean more, such as '**'",
    });
    return [];
  }
  if (patterns.length > 0 && patterns.every((pattern) => pattern.startsWith("!"))) {
    diagnostics.warning(at, {
      code: "pattern",
      message: `'${key}' has only patterns with '!', so it matches nothing`,
      hint: key.endsWith("-ignore") ? "write the patterns without '!'" : `use '${key}-ignore', or begin with '**'`,
    });
  }
  return patterns;
}
