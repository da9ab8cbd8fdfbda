import type { Trigger } from "@windrow/model";
import { expect, test } from "vitest";
import { explainPattern, matchPattern, matchPatterns } from "./match-pattern.ts";
import { matchTriggers } from "./match-triggers.ts";
import { readTriggerEvent } from "./read-trigger-event.ts";
import type { TriggerEvent } from "./trigger-event.ts";

test.each<[pattern: string, matching: string[], other: string[]]>([
  ["main", ["main"], ["mains", "Main", "a/main"]],
  ["*", ["main", "v1.0"], ["a/b", "feature/x"]],
  ["**", ["main", "a/b/c"], []],
  ["feature/*", ["feature/a"], ["feature/a/b", "feature"]],
  ["feature/**", ["feature/a", "feature/a/b"], ["feature"]],
  ["releases/**-alpha", ["releases/10-alpha", "releases/a/b-alpha"], ["releases/alpha"]],
  ["*feature", ["mona-feature", "feature", "ver-10-feature"], ["a/feature"]],
  ["v2*", ["v2", "v2.0", "v2.9"], ["v1"]],
  ["v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1..1", "v1.x.1"]],
  ["*.jsx?", ["page.js", "page.jsx"], ["page.jsxx", "a/page.js"]],
  ["**.js", ["index.js", "js/index.js", "src/js/app.js"], ["index.jsx"]],
  ["docs/*", ["docs/README.md"], ["docs/a/b.md"]],
  ["docs/**/*.md", ["docs/README.md", "docs/mona/hello-world.md", "docs/a/markdown/file.md"], ["docs/a.txt"]],
  ["**/docs/**", ["docs/hello.md", "dir/docs/my-file.txt", "space/docs/plan/space.doc"], ["docs", "mydocs/a"]],
  ["**/README.md", ["README.md", "js/README.md"], ["XREADME.md"]],
  ["**/*src/**", ["a/src/app.js", "my-src/code/js/app.js"], ["srcs/a"]],
  ["**/migrate-*.sql", ["migrate-10909.sql", "db/migrate-v1.0.sql", "db/sept/migrate-v1.sql"], ["db/migrate.sql"]],
  ["[CB]at", ["Cat", "Bat"], ["bat", "at"]],
  ["[1-2]00", ["100", "200"], ["300"]],
  ["ab+c", ["abc", "abbbc"], ["ac"]],
  ["\\*", ["*"], ["a"]],
  ["a.b", ["a.b"], ["axb"]],
  ["(a|b)", ["(a|b)"], ["a"]],
])("pattern %s", (pattern, matching, other) => {
  for (const text of matching) expect([text, matchPattern(pattern, text)]).toEqual([text, true]);
  for (const text of other) expect([text, matchPattern(pattern, text)]).toEqual([text, false]);
});

test("the last pattern that matches decides", () => {
  expect(matchPatterns(["releases/**", "!releases/**-alpha"], "releases/1-alpha")).toBe(false);
  expect(matchPatterns(["releases/**", "!releases/**-alpha", "releases/7-alpha"], "releases/7-alpha")).toBe(true);
  expect(matchPatterns(["!main"], "other")).toBe(false);
});

test.each(["", "+a", "a[", "[z-a]", "a\\", "x".repeat(2_000)])("pattern '%s' is explained", (pattern) => {
  expect(explainPattern(pattern)).toEqual(expect.any(String));
  expect(matchPattern(pattern, "a")).toBe(false);
});

test("a pattern that would keep a backtracking matcher busy for ever is answered", () => {
  expect(matchPattern(`${"**a".repeat(300)}b`, "a".repeat(4_000))).toBe(false);
});

const push = (ref: string, more: object = {}): TriggerEvent => ({ event: "push", ref, ...more });
const MAIN = "refs/heads/main";
const TAG = "refs/tags/v1";
const MANY = Array.from({ length: 299 }, (_, at) => `f${at}`);

test.each<[what: string, trigger: object, event: TriggerEvent, matches: boolean]>([
  ["no filter takes branches", {}, push(MAIN), true],
  ["no filter takes tags", {}, push(TAG), true],
  ["other refs start nothing", {}, push("refs/notes/x"), false],
  ["a deletion starts nothing", {}, push(MAIN, { deleted: true }), false],
  ["branches take the branch", { branches: ["main"] }, push(MAIN), true],
  ["branches leave others", { branches: ["x"] }, push(MAIN), false],
  ["branches alone leave tags", { branches: ["**"] }, push(TAG), false],
  ["tags alone leave branches", { tags: ["**"] }, push(MAIN), false],
  ["tags take tags", { tags: ["v*"] }, push(TAG), true],
  ["both take both", { branches: ["x"], tags: ["v*"] }, push(TAG), true],
  ["branches-ignore", { branchesIgnore: ["ma*"] }, push(MAIN), false],
  ["branches-ignore leaves the rest", { branchesIgnore: ["x"] }, push(MAIN), true],
  ["tags-ignore alone leaves branches", { tagsIgnore: ["x"] }, push(MAIN), false],
  ["paths take one changed file", { paths: ["src/**"] }, push(MAIN, { changedPaths: ["a", "src/b"] }), true],
  ["paths leave others", { paths: ["src/**"] }, push(MAIN, { changedPaths: ["a"] }), false],
  ["paths with exceptions", { paths: ["**", "!a"] }, push(MAIN, { changedPaths: ["a"] }), false],
  ["paths are not asked for tags", { paths: ["src/**"] }, push(TAG, { changedPaths: ["a"] }), true],
  ["unknown changes hold nothing back", { paths: ["src/**"] }, push(MAIN), true],
  ["paths-ignore when all match", { pathsIgnore: ["*.md"] }, push(MAIN, { changedPaths: ["a.md", "b.md"] }), false],
  ["paths-ignore when one differs", { pathsIgnore: ["*.md"] }, push(MAIN, { changedPaths: ["a.md", "b"] }), true],
  ["no changed file with paths-ignore", { pathsIgnore: ["*.md"] }, push(MAIN, { changedPaths: [] }), false],
  ["no changed file without a path filter", {}, push(MAIN, { changedPaths: [] }), true],
  ["branches and paths together", { branches: ["x"], paths: ["**"] }, push(MAIN, { changedPaths: ["a"] }), false],
  [
    "over 1,000 commits no path filter",
    { paths: ["x"] },
    push(MAIN, { changedPaths: ["a"], commitCount: 1_001 }),
    true,
  ],
  [
    "at 1,000 commits the path filter",
    { paths: ["x"] },
    push(MAIN, { changedPaths: ["a"], commitCount: 1_000 }),
    false,
  ],
  ["the 300th changed file counts", { paths: ["x"] }, push(MAIN, { changedPaths: [...MANY, "x"] }), true],
  ["the 301st changed file does not", { paths: ["x"] }, push(MAIN, { changedPaths: ["a", ...MANY, "x"] }), false],
  ["[skip ci]", {}, push(MAIN, { headMessage: "docs [skip ci]\n\nmore" }), false],
  ["[ci skip]", {}, push(MAIN, { headMessage: "x\n\n[ci skip]" }), false],
  ["[no ci]", {}, push(MAIN, { headMessage: "[no ci] x" }), false],
  ["[skip actions]", {}, push(MAIN, { headMessage: "x [skip actions]" }), false],
  ["[actions skip]", {}, push(MAIN, { headMessage: "x [actions skip]" }), false],
  ["the trailer", {}, push(MAIN, { headMessage: "x\n\n\nskip-checks: true\n" }), false],
  ["not the trailer's words elsewhere", {}, push(MAIN, { headMessage: "skip-checks: true" }), true],
  ["skip ci without brackets", {}, push(MAIN, { headMessage: "skip ci" }), true],
  ["another event", {}, { event: "workflow_dispatch" }, false],
])("%s", (_, trigger, event, matches) => {
  const answer = matchTriggers({ triggers: [{ event: "push", ...trigger }] }, event);
  expect(answer.matches).toBe(matches);
  if (!answer.matches) expect(answer.reason).not.toBe("");
});

const pull = (more: object = {}): TriggerEvent => ({
  event: "pull_request",
  action: "opened",
  baseRef: "main",
  ...more,
});

test.each<[what: string, trigger: Trigger, event: TriggerEvent, matches: boolean]>([
  ["a pull request that was opened", { event: "pull_request" }, pull(), true],
  ["one that was labelled, by default", { event: "pull_request" }, pull({ action: "labeled" }), false],
  ["one that was labelled", { event: "pull_request", types: ["labeled"] }, pull({ action: "labeled" }), true],
  ["types replace the default", { event: "pull_request", types: ["closed"] }, pull(), false],
  ["its base branch", { event: "pull_request", branches: ["main"] }, pull(), true],
  ["another base branch", { event: "pull_request", branchesIgnore: ["ma*"] }, pull(), false],
  ["its paths", { event: "pull_request", paths: ["a/**"] }, pull({ changedPaths: ["b"] }), false],
  ["[skip ci] of its head", { event: "pull_request" }, pull({ headMessage: "[skip ci]" }), false],
  [
    "[skip ci] does not hold the target's workflow back",
    { event: "pull_request_target" },
    pull({ event: "pull_request_target", headMessage: "[skip ci]" }),
    true,
  ],
  ["the target's workflow is another event", { event: "pull_request_target" }, pull(), false],
  ["a merge group", { event: "merge_group", branches: ["main"] }, { event: "merge_group", baseRef: MAIN }, true],
  ["a release of any type", { event: "release" }, { event: "release", action: "published" }, true],
  ["a draft of a release", { event: "release" }, { event: "release", action: "created", isDraft: true }, false],
  [
    "a type that was sent",
    { event: "repository_dispatch", types: ["a"] },
    { event: "repository_dispatch", action: "a" },
    true,
  ],
  [
    "another type",
    { event: "repository_dispatch", types: ["a"] },
    { event: "repository_dispatch", action: "b" },
    false,
  ],
  [
    "its schedule",
    { event: "schedule", schedules: [{ cron: "1 * * * *" }] },
    { event: "schedule", schedule: "1 * * * *" },
    true,
  ],
  [
    "another schedule",
    { event: "schedule", schedules: [{ cron: "1 * * * *" }] },
    { event: "schedule", schedule: "2 * * * *" },
    false,
  ],
  ["any schedule", { event: "schedule", schedules: [{ cron: "1 * * * *" }] }, { event: "schedule" }, true],
  ["a call", { event: "workflow_call" }, { event: "workflow_call" }, true],
  ["an issue", { event: "issues", types: ["opened"] }, { event: "other", name: "issues", action: "closed" }, false],
])("%s", (_, trigger, event, matches) => {
  expect(matchTriggers({ triggers: [trigger] }, event).matches).toBe(matches);
});

test.each<[what: string, trigger: object, more: object, matches: boolean]>([
  ["a workflow that is named", { workflows: ["CI"] }, {}, true],
  ["another workflow", { workflows: ["Other"] }, {}, false],
  ["a type that is named", { types: ["completed"] }, {}, true],
  ["another type", { types: ["requested"] }, {}, false],
  ["the branch it ran for", { branches: ["main"] }, {}, true],
  ["another branch", { branchesIgnore: ["main"] }, {}, false],
])("the end of a run: %s", (_, trigger, more, matches) => {
  const event = { event: "workflow_run", action: "completed", workflow: "CI", headBranch: "main", ...more } as const;
  expect(matchTriggers({ triggers: [{ event: "workflow_run", ...trigger }] }, event).matches).toBe(matches);
});

test("what can be asked of an event is read from its document", () => {
  expect(
    readTriggerEvent({ event: "push", payload: { ref: TAG, head_commit: { message: "m" }, deleted: false } }),
  ).toEqual({ event: "push", ref: TAG, headMessage: "m", deleted: false });
  expect(
    readTriggerEvent({
      event: "pull_request",
      payload: { action: "opened", pull_request: { base: { ref: "main" }, commits: 3 } },
      changedPaths: ["a"],
    }),
  ).toEqual({ event: "pull_request", action: "opened", baseRef: "main", commitCount: 3, changedPaths: ["a"] });
  const headMessage = "m [skip ci]";
  expect(readTriggerEvent({ event: "pull_request", payload: {}, headMessage })).toMatchObject({ headMessage });
  expect(readTriggerEvent({ event: "push", payload: {}, headMessage })).toMatchObject({ headMessage });
  expect(
    readTriggerEvent({ event: "workflow_run", payload: { workflow_run: { name: "CI", head_branch: "x" } } }),
  ).toEqual({ event: "workflow_run", action: "completed", workflow: "CI", headBranch: "x" });
  expect(readTriggerEvent({ event: "issues", payload: { action: "opened" } })).toEqual({
    event: "other",
    name: "issues",
    action: "opened",
  });
  for (const event of ["push", "pull_request", "release", "schedule", "merge_group", "create", "constructor"]) {
    for (const payload of [null, [], "x", { pull_request: null }]) {
      expect(readTriggerEvent({ event, payload })).toHaveProperty("event");
    }
  }
});

test("a start by hand needs workflow_dispatch", () => {
  expect(matchTriggers({ triggers: [{ event: "workflow_dispatch" }] }, { event: "workflow_dispatch" }).matches).toBe(
    true,
  );
});

// unbounded this takes more than an hour
test("patterns that are more work than a filter is worth hold nothing back", () => {
  const paths = Array.from({ length: 20 }, (_, at) => `${"**a".repeat(300)}${at}`);
  const changedPaths = Array.from({ length: 300 }, (_, at) => `${"a".repeat(4_000)}/${at}`);
  const event: TriggerEvent = { event: "push", ref: "refs/heads/main", changedPaths };
  expect(matchTriggers({ triggers: [{ event: "push", paths }] }, event)).toEqual({ matches: true });
  expect(matchTriggers({ triggers: [{ event: "push", pathsIgnore: paths }] }, event)).toEqual({ matches: true });
  // many ordinary patterns and paths are little work
  const ordinary = Array.from({ length: 1_000 }, (_, at) => `packages/p${at}/**/*.ts`);
  const changed = Array.from({ length: 300 }, (_, at) => `docs/${"folder/".repeat(10)}${at}.md`);
  expect(
    matchTriggers({ triggers: [{ event: "push", paths: ordinary }] }, { ...event, changedPaths: changed }).matches,
  ).toBe(false);
}, 30_000);
