import { isMapping, isString } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position, Trigger } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { explainPattern } from "../triggers/match-pattern.ts";
import { ignore, refuse } from "./refuse.ts";
import { type Entry, entriesOf, itemsOf, positionOf } from "./tokens.ts";

/** Events that start runs; the others of the language are accepted and named in a warning. */
const STARTING_EVENTS = new Set(["push", "workflow_dispatch"]);

const FILTERS = {
  branches: "branches",
  "branches-ignore": "branchesIgnore",
  tags: "tags",
  "tags-ignore": "tagsIgnore",
  paths: "paths",
  "paths-ignore": "pathsIgnore",
  types: "types",
} as const;

type FilterKey = keyof typeof FILTERS;
type Filters = Partial<Record<(typeof FILTERS)[FilterKey], readonly string[]>>;

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
  if (event === "workflow_call") {
    refuse(diagnostics, at, "'workflow_call'", "reusable workflows come later; start this file by push");
  } else if (!STARTING_EVENTS.has(event)) {
    ignore(diagnostics, at, `the event '${event}'`, "runs start by push, or by hand with workflow_dispatch");
  }
}

function readTrigger({ key: event, at, value }: Entry, diagnostics: Diagnostics): Trigger {
  checkEvent(event, at, diagnostics);
  const filters: Filters = {};
  const places = new Map<string, Position>();
  for (const entry of entriesOf(value)) {
    places.set(entry.key, entry.at);
    if (isFilterKey(entry.key)) filters[FILTERS[entry.key]] = readFilter(entry, diagnostics);
    else if (event === "workflow_dispatch" && !isEmpty(entry.value)) {
      refuse(diagnostics, entry.at, `'${entry.key}' of workflow_dispatch`, "start by hand works without inputs");
    }
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
  return { event, ...filters };
}

function isEmpty(token: TemplateToken): boolean {
  return isMapping(token) ? token.count === 0 : token.isScalar && token.toString() === "";
}

function readFilter({ key, at, value }: Entry, diagnostics: Diagnostics): string[] {
  const patterns: string[] = [];
  for (const item of itemsOf(value)) {
    if (!isString(item)) continue;
    const pattern = item.value;
    patterns.push(pattern);
    const problem = key === "types" ? undefined : explainPattern(pattern);
    if (problem !== undefined) {
      diagnostics.error(positionOf(item, at), { code: "pattern", message: `pattern '${pattern}': ${problem}` });
    }
  }
  if (patterns.length > 0 && patterns.every((pattern) => pattern.startsWith("!")) && key !== "types") {
    diagnostics.warning(at, {
      code: "pattern",
      message: `'${key}' has only patterns with '!', so it matches nothing`,
      hint: key.endsWith("-ignore") ? "write the patterns without '!'" : `use '${key}-ignore', or begin with '**'`,
    });
  }
  return patterns;
}
