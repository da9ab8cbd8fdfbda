// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import { isMapping, parseWorkflow as libraryParse, NoOperationTraceWriter } from "@actions/workflow-parser";
import { expect, test } from "vitest";
import { ContextDictionary, lexExpression } from "./library-corrections.ts";
import { NODES_MAX } from "./limits.ts";
import { parseWorkflow } from "./parse-workflow.ts";

/** What the library makes of the first step's `run` of the only job. */
function libraryRun(content: string): string {
  const { value } = libraryParse({ name: "ci.yml", content }, new NoOperationTraceWriter());
  const job = value?.assertMapping("root").find("jobs")?.assertMapping("jobs").find("a")?.assertMapping("job");
  const step = job?.find("steps")?.assertSequence("steps").get(0).assertMapping("step");
  return step?.find("run")?.toString() ?? "";
}

function ourRun(text: string): string {
  const { definition, diagnostics } = parseWorkflow({ path: "ci.yml", text });
  const step = definition?.jobs[0]?.steps[0];
  if (step?.kind !== "run") throw new Error(JSON.stringify(diagnostics));
  return step.run;
}

const file = (run: string) => `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: ${run}\n`;

test("a block scalar with an expression loses its indentation (upstream keeps it)", () => {
  const text = file("|\n          echo ${{ github.sha }}\n          cat <<END\n          x\n          END");
  expect(ourRun(text)).toBe("echo ${{ github.sha }}\ncat <<END\nx\nEND\n");
  expect(libraryRun(text)).toContain("          cat");
});

test("a folded scalar with an expression is folded (upstream leaves the lines)", () => {
  const text = file(">-\n          echo ${{ github.sha }}\n          --flag");
  expect(ourRun(text)).toBe("echo ${{ github.sha }} --flag");
  expect(libraryRun(text)).toContain("}\n          --flag".slice(1));
});

test("a file with CRLF gives scripts without CR (upstream keeps it)", () => {
  const text = file("|\n          echo ${{ github.sha }}\n          echo 2").replaceAll("\n", "\r\n");
  expect(ourRun(text)).toBe("echo ${{ github.sha }}\necho 2\n");
  expect(libraryRun(text)).toContain("\r");
});

test("every '' of a string is one quote (upstream replaces the first)", () => {
  const source = "'it''s ''quoted'''";
  const evaluate = (tokens: ReturnType<typeof lexExpression>) =>
    new Evaluator(new Parser(tokens, [], []).parse(), new data.Dictionary()).evaluate().coerceString();
  expect(evaluate(lexExpression(source))).toBe("it's 'quoted'");
  expect(evaluate(new Lexer(source).lex().tokens)).not.toBe("it's 'quoted'");
});

test("dictionaries keep case where asked, and a key named constructor (upstream loses both)", () => {
  const env = new ContextDictionary({ caseSensitive: true });
  const upstream = new data.Dictionary();
  for (const dictionary of [env, upstream]) {
    dictionary.add("Foo", new data.StringData("1"));
    dictionary.add("FOO", new data.StringData("2"));
    dictionary.add("constructor", new data.StringData("3"));
  }
  expect(env.pairs().map(({ key, value }) => [key, value.coerceString()])).toEqual([
    ["Foo", "1"],
    ["FOO", "2"],
    ["constructor", "3"],
  ]);
  expect(env.get("FOO")?.coerceString()).toBe("2");
  expect(upstream.get("FOO")?.coerceString()).toBe("1");
  expect(upstream.pairs()).toHaveLength(1);
});

test("keys that are numbers or booleans become text (upstream throws inside)", () => {
  const text = "on: push\nenv:\n  1: a\n  true: b\njobs:\n  a:\n    runs-on: x\n    steps: [{run: x}]\n";
  expect(parseWorkflow({ path: "ci.yml", text }).definition?.env).toEqual([
    ["1", "a"],
    ["true", "b"],
  ]);
  const upstream = libraryParse({ name: "ci.yml", content: text }, new NoOperationTraceWriter());
  expect(upstream.context.errors.getErrors()[0]?.message).toMatch(/is not a function/);
});

test("a flow map may leave its values out (upstream takes the next key for the value)", () => {
  const text = "on: {push, workflow_dispatch}\njobs:\n  a:\n    runs-on: x\n    steps: [{run: x}]\n";
  expect(parseWorkflow({ path: "ci.yml", text }).definition?.triggers.map((one) => one.event)).toEqual([
    "push",
    "workflow_dispatch",
  ]);
  const upstream = libraryParse({ name: "ci.yml", content: text }, new NoOperationTraceWriter());
  expect(upstream.context.errors.count).toBeGreaterThan(0);
});

test("a filter may be left empty (upstream refuses the file)", () => {
  const text = "on:\n  push:\n    branches:\njobs:\n  a:\n    runs-on: x\n    steps: [{run: x}]\n";
  expect(parseWorkflow({ path: "ci.yml", text }).definition?.triggers).toEqual([{ event: "push" }]);
  const upstream = libraryParse({ name: "ci.yml", content: text }, new NoOperationTraceWriter());
  expect(upstream.context.errors.getErrors()[0]?.message).toMatch(/Unexpected value ''/);
  const others = "on: {pull_request: {types: , paths: }, workflow_dispatch: {inputs: }, workflow_call: {secrets: }}\n";
  expect(parseWorkflow({ path: "ci.yml", text: others + text.slice(text.indexOf("jobs")) }).diagnostics).toEqual([]);
});

test("steps in the background are read (upstream does so only for a flag)", () => {
  const text = file("x\n        background: true\n        id: a\n      - wait: a");
  expect(parseWorkflow({ path: "ci.yml", text }).definition?.jobs[0]?.steps).toMatchObject([
    { id: "a", background: true },
    { kind: "wait" },
  ]);
  const upstream = libraryParse({ name: "ci.yml", content: text }, new NoOperationTraceWriter());
  expect(upstream.context.errors.getErrors()[0]?.message).toMatch(/Unexpected value 'background'/);
});

test("the sources are run through tsx or a bundler (upstream cannot be imported by Node alone)", () => {
  const script = "import('@actions/workflow-parser').catch((error) => console.log(error.code))";
  const folder = join(import.meta.dirname, "..");
  const answer = execFileSync(process.execPath, ["-e", script], { cwd: folder, env: {}, encoding: "utf8" });
  expect(answer).toMatch(/ERR_IMPORT_ATTRIBUTE_MISSING/);
});

test("an alias bomb and deep nesting end at a named limit (upstream has none)", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
  for (let at = 1; at <= 6; at += 1) lines.push(`a${at}: &a${at} [${`*a${at - 1},`.repeat(9)}]`);
  const bomb = parseWorkflow({ path: "ci.yml", text: `on: push\nenv:\n  A: 1\njobs:\n  ${lines.join("\n  ")}\n` });
  expect(bomb.definition).toBeUndefined();
  const matrix = `on: push\njobs:\n  a:\n    strategy:\n      matrix:\n        ${lines.join("\n        ")}\n`;
  const { diagnostics } = parseWorkflow({ path: "ci.yml", text: matrix });
  expect(diagnostics).toEqual([
    expect.objectContaining({ code: "limit-nodes", message: expect.stringContaining(String(NODES_MAX)) }),
  ]);
  const deep = parseWorkflow({ path: "ci.yml", text: `on: push\njobs: {a: {strategy: {matrix: {x: ${"[".repeat(70)}` });
  expect(deep.definition).toBeUndefined();
  const nested = `${"[".repeat(70)}1${"]".repeat(70)}`;
  expect(
    parseWorkflow({ path: "ci.yml", text: `on: push\njobs: {a: {strategy: {matrix: {x: ${nested}}}}}` }).diagnostics,
  ).toEqual([expect.objectContaining({ code: "limit-depth" })]);
  expect(parseWorkflow({ path: "ci.yml", text: "[".repeat(20_000) }).diagnostics).toEqual([
    expect.objectContaining({ code: "limit-depth" }),
  ]);
});

test("the token tree is what the library says it is", () => {
  const { value } = libraryParse({ name: "ci.yml", content: file("x") }, new NoOperationTraceWriter());
  expect(value !== undefined && isMapping(value)).toBe(true);
});

test("repository_dispatch may be named alone or in a list (upstream takes another event for it)", () => {
  const text = (on: string) => `on: ${on}\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n`;
  for (const on of ["repository_dispatch", "[push, repository_dispatch]"]) {
    const { triggers, diagnostics } = parseWorkflow({ path: "a.yml", text: text(on) });
    expect(diagnostics).toEqual([]);
    expect(triggers?.at(-1)).toEqual({ event: "repository_dispatch" });
    const library = libraryParse({ name: "a.yml", content: text(on) }, new NoOperationTraceWriter());
    expect(library.context.errors.getErrors()).not.toEqual([]);
  }
});
