import { readFileSync } from "node:fs";
import { wellKnownFunctions } from "@actions/expressions/funcs";
import { MappingDefinition } from "@actions/workflow-parser/templates/schema/mapping-definition";
import { getWorkflowSchema } from "@actions/workflow-parser/workflows/workflow-schema";
import { describe, expect, it, test } from "vitest";
import { CONTEXT_PROPERTIES } from "../check/context-properties.ts";
import { CALLER_FUNCTIONS, CONTEXT_NAMES } from "../compile-expression.ts";
import { githubContext } from "../github-context.ts";
import { parseWorkflow } from "../parse-workflow.ts";
import { PERMISSION_SCOPES } from "../read/permission-scopes.ts";
import { FACTS } from "../run-facts.fixture.ts";
import { SHELL_NAMES } from "../shell-argv.ts";
import { parseWorkflowCommand } from "../workflow-command.ts";
import { COMPATIBILITY } from "./compatibility-table.ts";
import { EVENTS, FILTERS } from "./events.ts";
import { EXAMPLES } from "./examples.fixture.ts";
import { CONTEXTS, FUNCTIONS, GITHUB_PROPERTIES } from "./expressions.ts";
import { formatCompatibilityPage } from "./format-page.ts";
import { KEY_GROUPS } from "./keys.ts";
import { COMMANDS, SHELLS } from "./runner.ts";

const definitions = Object.entries(getWorkflowSchema().definitions);
const keysOf = new Map(
  definitions.flatMap(([name, one]): [string, string[]][] =>
    one instanceof MappingDefinition && Object.keys(one.properties).length > 0
      ? [[name, Object.keys(one.properties)]]
      : [],
  ),
);
/** Below an event stand filters; below calls and dispatches, keys. */
const isOfEvent = (name: string) =>
  /-mapping$/.test(name) && EVENTS.some((one) => name === `${one.name.replaceAll("_", "-")}-mapping`);
const names = (entries: readonly { readonly name: string }[]) => entries.map((one) => one.name).sort();

describe("the table has", () => {
  test("every key of the language's schema, in its place, and no other", () => {
    const wrong = KEY_GROUPS.flatMap(({ place, schema, keys }) => {
      const wanted = new Set(schema.flatMap((name) => keysOf.get(name) ?? [`no ${name} in the schema`]));
      const listed = new Set(names(keys));
      const differing = [...wanted, ...listed].filter((key) => !wanted.has(key) || !listed.has(key));
      return differing.map((key) => `${place}: ${key}`);
    });
    expect(wrong).toEqual([]);
    const grouped = new Set(KEY_GROUPS.flatMap((group) => group.schema));
    const missing = [...keysOf.keys()].filter(
      (name) => !grouped.has(name) && !isOfEvent(name) && !name.startsWith("on-mapping"),
    );
    expect(missing).toEqual([]);
  });

  test("every event, and every filter below one", () => {
    expect(names(EVENTS)).toEqual([...(keysOf.get("on-mapping-strict") ?? [])].sort());
    const inGroups = new Set(KEY_GROUPS.flatMap((group) => group.schema));
    const filters = [...keysOf].flatMap(([name, keys]) => (isOfEvent(name) && !inGroups.has(name) ? keys : []));
    expect(names(FILTERS)).toEqual([...new Set(filters)].sort());
  });

  test("every function and context of expressions", () => {
    const functions = [...Object.values(wellKnownFunctions), ...CALLER_FUNCTIONS].map((one) => one.name);
    const small = (all: readonly string[]) => [...new Set(all.map((name) => name.toLowerCase()))].sort();
    expect(small(names(FUNCTIONS))).toEqual(small(functions));
    expect(names(CONTEXTS)).toEqual([...CONTEXT_NAMES].sort());
  });

  test("every scope of permissions", () => {
    const listed = KEY_GROUPS.find((group) => group.place === "permissions")?.keys ?? [];
    for (const scope of PERMISSION_SCOPES.keys()) expect(names(listed)).toContain(scope);
  });

  test("every command that is read, and every shell", () => {
    const unread = COMMANDS.filter(
      ({ name }) => parseWorkflowCommand(`::${name} name=a,owner=b::token-nobody-guesses`) === undefined,
    );
    expect(names(unread)).toEqual([]);
    for (const shell of SHELL_NAMES) expect(names(SHELLS)).toContain(shell);
  });

  test("nothing twice, and a word on all that does not work in full", () => {
    for (const { title, entries } of COMPATIBILITY) {
      expect(new Set(names(entries)).size, title).toBe(entries.length);
      expect(names(entries.filter(({ support, how }) => support !== "supported" && how === "")), title).toEqual([]);
    }
  });
});

test("properties of github that are said to be filled are, and the check knows every property", () => {
  const filled = githubContext(FACTS, { token: "t", workspace: "/w" });
  const supportedByAll = GITHUB_PROPERTIES.filter(({ support, how }) => support === "supported" && how !== "in steps");
  expect(names(supportedByAll.filter(({ name }) => !(name in filled)))).toEqual([]);
  const empty = GITHUB_PROPERTIES.filter(({ how }) => how === "empty");
  expect(names(empty.filter(({ name }) => name in filled))).toEqual([]);
  expect(Object.keys(filled).filter((name) => !names(GITHUB_PROPERTIES).includes(name))).toEqual([]);
  for (const { name } of GITHUB_PROPERTIES)
    expect(CONTEXT_PROPERTIES.get("github")?.has(name.toLowerCase()), name).toBe(true);
});

describe("a key that is said to be", () => {
  const cases = KEY_GROUPS.flatMap(({ place, keys }) =>
    keys.map((key) => ({ place, key: key.name, support: key.support, how: key.how })),
  );
  it.each(cases)("$support is: $place $key", ({ place, key, support, how }) => {
    const example = EXAMPLES.find((one) => one.place === place);
    const value = example?.values[key];
    expect(value, `an example of ${place} ${key} stands in examples.fixture.ts`).toBeDefined();
    const text = example?.wrap(`${key}: ${value}`) ?? "";
    const { definition, diagnostics } = parseWorkflow({ path: "example.yml", text });
    const errors = diagnostics.filter((one) => one.severity === "error").map((one) => one.message);
    const noEffect = diagnostics.some((one) => one.code === "no-effect");
    if (support === "refused") {
      expect(errors.join("; "), text).toContain(key);
      return;
    }
    expect([errors, definition !== undefined], text).toEqual([[], true]);
    if (support === "supported") expect(noEffect, text).toBe(false);
    if (how.includes("with a warning")) expect(noEffect, text).toBe(true);
  });
});

it.each(EVENTS)("the event $name is accepted, with a warning where nothing causes it", ({ name, how }) => {
  const text = `on:\n  ${name}:\n${name === "schedule" ? "    - cron: '0 5 * * *'\n" : ""}jobs: {a: {runs-on: x, steps: [{run: make}]}}\n`;
  const { definition, diagnostics } = parseWorkflow({ path: "event.yml", text });
  expect(definition?.triggers.map((one) => one.event)).toEqual([name]);
  expect(diagnostics.some((one) => one.code === "no-effect")).toBe(how.includes("with a warning"));
});

test("the page in the manual is what the table says: write it with npm run docs:compatibility", () => {
  const page = readFileSync(new URL("../../../docs/compatibility.md", import.meta.url), "utf8");
  expect(page).toBe(formatCompatibilityPage());
});
