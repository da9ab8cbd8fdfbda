import { expect, test } from "vitest";
import { parseSettings } from "./parse-settings.ts";

const parse = (text: string) => parseSettings({ path: ".windrow/settings.yml", text });

test("settings are read, and what is not obeyed yet is said", () => {
  const { settings, diagnostics } = parse(`version: 1
language: node
reuse: {inputs: [src/**, package.json]}
tests: {reports: '**/junit.xml'}
needs: [{repository: me/lib, workflow: CI, branch: main}]
deploy: {production: {branches: main, url: https://a}, staging: }
`);
  expect(settings).toEqual({
    version: 1,
    language: "node",
    reuse: { inputs: ["src/**", "package.json"] },
    tests: { reports: ["**/junit.xml"] },
    needs: [{ repository: "me/lib", workflow: "CI", branch: "main" }],
    deploy: [{ environment: "production", branches: ["main"], url: "https://a" }, { environment: "staging" }],
  });
  expect(diagnostics.map((one) => `${one.line}:${one.severity}:${one.code}`)).toEqual(
    [3, 4, 5, 6].map((line) => `${line}:warning:no-effect`),
  );
  expect(parse("version: 1\n")).toEqual({ settings: { version: 1, needs: [], deploy: [] }, diagnostics: [] });
});

test.each<[what: string, text: string, place: string, code: string]>([
  ["an empty file", "", "1:1", "empty-file"],
  ["no version", "language: go\n", "1:1", "missing-key"],
  ["another version", "version: 2\n", "1:10", "unexpected-value"],
  ["an unknown key", "version: 1\nlangauge: go\n", "2:1", "unknown-key"],
  ["an unknown key inside", "version: 1\nreuse: {input: [a]}\n", "2:9", "unknown-key"],
  ["an unknown language", "version: 1\nlanguage: cobol\n", "2:11", "unexpected-value"],
  ["an expression", `version: 1\ntests: {reports: '\${{ github.sha }}'}\n`, "2:19", "expression"],
  ["a repository without an owner", "version: 1\nneeds: [{repository: lib}]\n", "2:9", "unexpected-value"],
  ["a list", "- 1\n", "1:1", "wrong-shape"],
])("%s is refused at its place", (_, text, place, code) => {
  const { settings, diagnostics } = parse(text);
  expect(settings).toBeUndefined();
  expect(diagnostics.map((one) => [`${one.line}:${one.column}`, one.code])).toContainEqual([place, code]);
});
