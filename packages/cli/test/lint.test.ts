import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { runOffline } from "./run-offline.ts";

const GOOD = "on: push\njobs:\n  a:\n    runs-on: linux\n    steps:\n      - run: 'true'\n";
const MISSPELT = GOOD.replace("      - run", "      - rin");
const WARNED = `${GOOD.replace("'true'", `echo \${{ github.head_ref }}`)}`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "windrow-lint-"));
  write("good.yml", GOOD);
  write("misspelt.yml", MISSPELT);
  write("warned.yml", WARNED);
  write("repo/.github/workflows/ci.yml", GOOD);
  write("repo/.github/workflows/notes.txt", "no workflow");
  write("both/.github/workflows/ci.yml", MISSPELT);
  write("both/.windrow/workflows/ci.yaml", GOOD);
  write("empty/README.md", "");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): void {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const lint = (args: string[], options: { cwd?: string; terminal?: { columns: number; rows: number } } = {}) =>
  runOffline(["lint", ...args], { ...options, cwd: path.join(folder, options.cwd ?? "") });

test("a mistake is shown with its place, the line, a caret and a hint, and ends with 1", async () => {
  const ended = await lint(["misspelt.yml"]);
  expect(ended.out).toContain(
    [
      "misspelt.yml:6:9: error: unknown key 'rin'",
      "  6 |       - rin: 'true'",
      "    |         ^",
      "  hint: did you mean 'run'?",
      "",
    ].join("\n"),
  );
  expect(ended.code).toBe(1);
  expect(ended.err).toMatch(/^✗ \d errors? and 0 warnings in 1 file; 1 file would not run\n$/);
});

test("colours are for terminals", async () => {
  expect((await lint(["misspelt.yml"])).out).not.toContain("\u001b");
  expect((await lint(["misspelt.yml"], { terminal: { columns: 80, rows: 24 } })).out).toContain("\u001b[31merror:");
});

test("a file without mistakes says so, and ends with 0", async () => {
  const ended = await lint(["good.yml"]);
  expect([ended.code, ended.out, ended.err]).toEqual([0, "", "✓ 1 file, nothing to complain about\n"]);
});

describe("without names", () => {
  test("the workflows of the repository are checked", async () => {
    const { out } = await lint(["--json"], { cwd: "repo" });
    expect(JSON.parse(out).files).toEqual([{ file: ".github/workflows/ci.yml", ok: true, diagnostics: [] }]);
  });
  test("those in .windrow/workflows win", async () => {
    const { out } = await lint(["--json"], { cwd: "both" });
    expect(JSON.parse(out).files).toEqual([{ file: ".windrow/workflows/ci.yaml", ok: true, diagnostics: [] }]);
  });
  test("also from a folder below", async () => {
    execFileSync("git", ["init", "--quiet"], { cwd: path.join(folder, "repo") });
    write("repo/src/a.ts", "");
    const { out } = await lint(["--json"], { cwd: "repo/src" });
    expect(JSON.parse(out).files).toMatchObject([{ file: "../.github/workflows/ci.yml", ok: true }]);
  });
  test("nothing to check ends with 3 and says how to begin", async () => {
    const ended = await lint([], { cwd: "empty" });
    expect([ended.code, ended.out]).toEqual([3, ""]);
    expect(ended.err).toContain("windrow init");
  });
});

test("a folder stands for its YAML files, also below", async () => {
  const { out } = await lint(["--json", "repo", "both"]);
  expect(JSON.parse(out).files.map((one: { file: string }) => one.file)).toEqual([
    "repo/.github/workflows/ci.yml",
    "both/.github/workflows/ci.yml",
    "both/.windrow/workflows/ci.yaml",
  ]);
});

test("--json has every file with its diagnostics and nothing else", async () => {
  const ended = await lint(["--json", "good.yml", "misspelt.yml", "missing.yml"]);
  const schema = z.strictObject({
    files: z.array(
      z.strictObject({
        file: z.string(),
        ok: z.boolean(),
        diagnostics: z.array(
          z.strictObject({
            severity: z.enum(["error", "warning"]),
            code: z.string(),
            message: z.string(),
            line: z.int().min(1),
            column: z.int().min(1),
            hint: z.string().optional(),
          }),
        ),
      }),
    ),
  });
  const { files } = schema.parse(JSON.parse(ended.out));
  expect(files.map(({ file, ok }) => [file, ok])).toEqual([
    ["good.yml", true],
    ["misspelt.yml", false],
    ["missing.yml", false],
  ]);
  expect(files[2]?.diagnostics).toMatchObject([{ code: "unreadable", message: "there is no such file" }]);
  expect([ended.code, ended.err]).toEqual([1, ""]);
});

test("a warning alone ends with 0; --strict makes it an error", async () => {
  const lenient = await lint(["--json", "warned.yml"]);
  const strict = await lint(["--json", "--strict", "warned.yml"]);
  const severities = (text: string) => [
    ...new Set(JSON.parse(text).files[0].diagnostics.map((one: { severity: string }) => one.severity)),
  ];
  expect([lenient.code, severities(lenient.out), JSON.parse(lenient.out).files[0].ok]).toEqual([0, ["warning"], true]);
  expect([strict.code, severities(strict.out), JSON.parse(strict.out).files[0].ok]).toEqual([1, ["error"], false]);
});

test("--sarif is a SARIF 2.1.0 log with a rule and a place for every result", async () => {
  const ended = await lint(["--sarif", "misspelt.yml", "missing file.yml"]);
  const text = z.strictObject({ text: z.string().min(1) });
  const schema = z.strictObject({
    $schema: z.url(),
    version: z.literal("2.1.0"),
    runs: z.tuple([
      z.strictObject({
        tool: z.strictObject({
          driver: z.strictObject({
            name: z.string(),
            version: z.string(),
            rules: z.array(z.strictObject({ id: z.string().min(1), shortDescription: text })),
          }),
        }),
        columnKind: z.literal("utf16CodeUnits"),
        results: z.array(
          z.strictObject({
            ruleId: z.string(),
            ruleIndex: z.int().min(0),
            level: z.enum(["error", "warning", "note", "none"]),
            message: text,
            locations: z.tuple([
              z.strictObject({
                physicalLocation: z.strictObject({
                  artifactLocation: z.strictObject({ uri: z.string(), uriBaseId: z.literal("%SRCROOT%") }),
                  region: z.strictObject({ startLine: z.int().min(1), startColumn: z.int().min(1) }),
                }),
              }),
            ]),
          }),
        ),
      }),
    ]),
  });
  const [run] = schema.parse(JSON.parse(ended.out)).runs;
  expect(run.results.map((one) => run.tool.driver.rules[one.ruleIndex]?.id)).toEqual(
    run.results.map((one) => one.ruleId),
  );
  expect(run.results.at(-1)?.locations[0].physicalLocation.artifactLocation.uri).toBe("missing%20file.yml");
  expect(ended.code).toBe(1);
});

test("actions and settings are checked as what they are", async () => {
  write("some/action.yml", "name: x\nruns:\n  using: composite\n  stesp: []\n");
  write("repo/.windrow/settings.yml", "version: 1\nlangauge: node\n");
  const action = JSON.parse((await lint(["--json", "some/action.yml"])).out).files[0];
  expect(action).toMatchObject({ ok: false });
  expect(action.diagnostics.some((one: { line: number }) => one.line === 4)).toBe(true);
  const { files } = JSON.parse((await lint(["--json"], { cwd: "repo" })).out);
  expect(files).toMatchObject([{ ok: true }, { file: ".windrow/settings.yml", ok: false, diagnostics: [{ line: 2 }] }]);
});

test("nothing in a file moves the cursor of whoever checks it", async () => {
  write("hostile.yml", `on: push\njobs:\n  "a\\e[2J": {runs-on: x}\n  b\u001b[2J: {}\n`);
  const { out } = await lint(["hostile.yml"]);
  expect(out).toContain("hostile.yml:");
  expect(out).not.toContain("\u001b");
});

test("a long line is cut around the place that is meant, to the width of the terminal", async () => {
  write("long.yml", GOOD.replace("'true'", `'${"x".repeat(200)} \${{ nothing.there }} ${"y".repeat(200)}'`));
  const { out } = await lint(["long.yml"], { terminal: { columns: 80, rows: 24 } });
  const lines = out.split("\n").map((line) => stripVTControlCharacters(line));
  const at = lines.findIndex((line) => line.trimEnd().endsWith("^"));
  expect(lines[at - 1]?.length).toBeLessThanOrEqual(80);
  expect(lines[at - 1]?.slice(lines[at]?.indexOf("^"))).toMatch(/^(\$\{\{ )?nothing\.there|^\S/);
});

test("on a terminal words are not cut at its edge", async () => {
  const { out } = await lint(["warned.yml", "misspelt.yml"], { terminal: { columns: 60, rows: 24 } });
  const lines = out.split("\n").map((line) => stripVTControlCharacters(line));
  expect(lines.filter((line) => line.length > 60 && line.includes(" ") && !line.includes("env:"))).toEqual([]);
  expect(lines.some((line) => line.startsWith("  hint: "))).toBe(true);
});

test("thousands of files are checked in the order they were given", async () => {
  const names = Array.from({ length: 2_000 }, (_, index) => `many/${String(index).padStart(4, "0")}.yml`);
  mkdirSync(path.join(folder, "many"));
  for (const [index, name] of names.entries())
    writeFileSync(path.join(folder, name), index % 100 === 7 ? MISSPELT : GOOD);
  const ended = await lint(["--json", "many"]);
  const files: { file: string; ok: boolean }[] = JSON.parse(ended.out).files;
  expect(files.map((one) => one.file)).toEqual(names);
  expect(files.filter((one) => !one.ok)).toHaveLength(20);
});
