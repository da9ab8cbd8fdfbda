import { expect, test } from "vitest";
import { explainPattern, matchPattern, matchPatterns } from "./match-pattern.ts";
import { matchTriggers, type TriggerEvent } from "./match-triggers.ts";

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
  ["branches and paths together", { branches: ["x"], paths: ["**"] }, push(MAIN, { changedPaths: ["a"] }), false],
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

test("a start by hand needs workflow_dispatch", () => {
  expect(matchTriggers({ triggers: [{ event: "workflow_dispatch" }] }, { event: "workflow_dispatch" }).matches).toBe(
    true,
  );
});
