// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import type { Conclusion, NeedResult, WorkflowDefinition } from "@windrow/model";
import { expect, test } from "vitest";
import { parseWorkflow } from "../parse-workflow.ts";
import { FACTS, SOURCE } from "../run-facts.fixture.ts";
import { buildPlan } from "./build-plan.ts";
import { decideJobReady } from "./decide-job-ready.ts";
import { mergeNeedOutputs } from "./merge-need-outputs.ts";
import { resolveJobs } from "./resolve-jobs.ts";

function define(text: string): WorkflowDefinition {
  const { definition, diagnostics } = parseWorkflow({ path: FACTS.workflowPath, text });
  if (definition === undefined) throw new Error(JSON.stringify(diagnostics));
  return definition;
}

/** A file whose job `b` needs `a` and carries the given lines. */
const definitionOf = (...lines: string[]) =>
  define(
    `on: push\nenv: {A: 1, B: w}\njobs:\n  a: {runs-on: x, steps: [{run: make}]}\n  b:\n    needs: a\n${lines
      .map((line) => `    ${line}\n`)
      .join("")}    steps: [{run: make}]\n`,
  );

const scopeOf = (definition: WorkflowDefinition) => ({ definition, source: SOURCE, inputs: {} });
const seedsOf = (definition: WorkflowDefinition) => resolveJobs({ scope: scopeOf(definition), vars: {}, facts: FACTS });

function decide(
  lines: string[],
  {
    results = ["success"],
    needs = [],
    isRunCancelled = false,
  }: Partial<{
    results: Conclusion[];
    needs: NeedResult[];
    isRunCancelled: boolean;
  }> = {},
) {
  const definition = definitionOf(
    ...(lines.some((line) => line.startsWith("runs-on")) ? lines : [...lines, "runs-on: x"]),
  );
  const job = definition.jobs[1];
  if (job === undefined) throw new Error("no job b");
  return decideJobReady({
    scope: scopeOf(definition),
    vars: {},
    job,
    matrix: job.matrix[0] ?? {},
    jobIndex: 0,
    jobTotal: 1,
    needs,
    ancestors: results,
    facts: FACTS,
    isRunCancelled,
    isExpanded: false,
  });
}

test("one seed stands for every combination, in order, with what is known already", () => {
  const seeds = seedsOf(
    definitionOf(
      "runs-on: ['${{ matrix.os }}', '${{ github.ref_name }}']",
      "strategy: {matrix: {os: [linux, mac], node: [20]}, max-parallel: 1, fail-fast: false}",
    ),
  );
  expect(seeds).toEqual([
    {
      key: "a",
      matrix: {},
      name: "a",
      needs: [],
      strategy: { failFast: true, jobIndex: 0, jobTotal: 1, maxParallel: 1 },
      labels: ["x"],
      isCall: false,
      isDynamic: false,
      position: { line: 4, column: 3 },
    },
    expect.objectContaining({
      key: "b",
      matrix: { os: "linux", node: 20 },
      name: "b (linux, 20)",
      needs: ["a"],
      strategy: { failFast: false, jobIndex: 0, jobTotal: 2, maxParallel: 1 },
      labels: ["linux", "main"],
    }),
    expect.objectContaining({ name: "b (mac, 20)", labels: ["mac", "main"] }),
  ]);
});

test("labels and names that read needs wait for them", () => {
  const [, seed] = seedsOf(
    definitionOf("runs-on: ${{ fromJSON(needs.a.outputs.l) }}", "name: on ${{ needs.a.outputs.l }}"),
  );
  expect(seed).toMatchObject({ name: "b" });
  expect(seed).not.toHaveProperty("labels");
  const needs: NeedResult[] = [{ jobKey: "a", result: "success", outputs: { l: '["p","q"]' } }];
  const lines = ["runs-on: ${{ fromJSON(needs.a.outputs.l) }}", "name: on ${{ needs.a.outputs.l }}"];
  expect(decide(lines, { needs })).toMatchObject({ kind: "run", labels: ["p", "q"], name: 'on ["p","q"]' });
});

test.each<[condition: string, results: Conclusion[], isRunCancelled: boolean, kind: string]>([
  ["", ["success"], false, "run"],
  ["", ["success", "failure"], false, "skip"],
  ["", ["skipped"], false, "skip"],
  ["", ["cancelled"], false, "skip"],
  ["", ["success"], true, "skip"],
  ["failure()", ["success", "failure"], false, "run"],
  ["failure()", ["success"], false, "skip"],
  ["always()", ["failure"], true, "run"],
  ["'!cancelled()'", ["failure"], false, "run"],
  ["'!cancelled()'", ["success"], true, "skip"],
  ["cancelled()", ["success"], true, "run"],
  ["github.ref == 'refs/heads/main'", ["success"], false, "run"],
  ["github.ref == 'refs/heads/other'", ["success"], false, "skip"],
  ["github.ref == 'refs/heads/main'", ["failure"], false, "skip"],
  ["github.event.head_commit.message == 'HELLO'", ["success"], false, "run"],
  ["success() || failure()", ["failure"], false, "run"],
])("if: %s after %j (cancelled: %j) means %s", (condition, results, isRunCancelled, kind) => {
  expect(decide(condition === "" ? [] : [`if: ${condition}`], { results, isRunCancelled }).kind).toBe(kind);
});

test("timeouts and continue-on-error have their defaults, are evaluated and are bounded", () => {
  expect(decide([])).toEqual({
    kind: "run",
    name: "b",
    labels: ["x"],
    continueOnError: false,
    timeoutMs: 21_600_000,
    failFast: true,
  });
  expect(decide(["timeout-minutes: 0.05", "continue-on-error: true"])).toMatchObject({
    timeoutMs: 3_000,
    continueOnError: true,
  });
  const needs: NeedResult[] = [{ jobKey: "a", result: "success", outputs: { t: "5", c: "true" } }];
  expect(
    decide(
      ["timeout-minutes: ${{ fromJSON(needs.a.outputs.t) }}", "continue-on-error: ${{ needs.a.outputs.c == 'true' }}"],
      {
        needs,
      },
    ),
  ).toMatchObject({ timeoutMs: 300_000, continueOnError: true });
  expect(decide(["timeout-minutes: 99999"])).toMatchObject({ timeoutMs: 432_000_000 });
});

test.each([
  ["timeout-minutes: ${{ github.ref }}", "timeout-minutes"],
  ["continue-on-error: ${{ github.ref }}", "continue-on-error"],
  ["runs-on: ${{ needs.a.outputs.none }}", "runs-on"],
  ["runs-on: ${{ fromJSON(needs.a.outputs.none) }}", "fromJSON"],
  ["if: fromJSON(github.ref)", "fromJSON"],
])("%s fails the job with its place", (line, word) => {
  expect(decide([line])).toMatchObject({
    kind: "fail",
    diagnostic: { file: FACTS.workflowPath, line: 5, column: 3, message: expect.stringContaining(word) },
  });
});

test("the rows of a need are merged: the last to finish wins, nothing wins over something", () => {
  const row = (conclusion: Conclusion, outputs: Record<string, string>, continueOnError = false) => ({
    conclusion,
    outputs,
    continueOnError,
  });
  expect(mergeNeedOutputs("a", [row("success", { x: "1", y: "1", z: "" }), row("success", { x: "2", y: "" })])).toEqual(
    { jobKey: "a", result: "success", outputs: { x: "2", y: "1", z: "" } },
  );
  expect(mergeNeedOutputs("a", [row("failure", {}, true), row("success", {})]).result).toBe("success");
  expect(mergeNeedOutputs("a", [row("failure", {}), row("cancelled", {})]).result).toBe("failure");
  expect(mergeNeedOutputs("a", [row("skipped", {}), row("cancelled", {})]).result).toBe("cancelled");
  expect(mergeNeedOutputs("a", [row("skipped", {}), row("skipped", {})]).result).toBe("skipped");
});

test("a plan carries the facts, the merged env and the defaults, and survives JSON", () => {
  const definition = definitionOf(
    "runs-on: x",
    "env: {B: '${{ matrix.os }}', C: c}",
    "strategy: {matrix: {os: [linux]}}",
    "defaults: {run: {shell: bash, working-directory: 'dir-${{ matrix.os }}-${{ env.A }}'}}",
    "outputs: {o: '${{ steps.x.outputs.o }}'}",
  );
  const job = definition.jobs[1];
  if (job === undefined) throw new Error("no job b");
  const needs: NeedResult[] = [{ jobKey: "a", result: "success", outputs: {} }];
  const facts = { ...FACTS, secret: "not part of a plan" };
  const plan = buildPlan({
    scope: scopeOf(definition),
    vars: { V: "1" },
    job,
    matrix: { os: "linux" },
    jobIndex: 0,
    jobTotal: 1,
    needs,
    facts,
    name: "b",
    timeoutMs: 1,
  });
  const { eventJson: _, ...planned } = FACTS;
  expect(plan).toEqual({
    ...planned,
    jobKey: "b",
    jobName: "b",
    matrix: { os: "linux" },
    strategy: { failFast: true, jobIndex: 0, jobTotal: 1, maxParallel: 1 },
    needs,
    env: [
      ["A", "1"],
      ["B", "${{ matrix.os }}"],
      ["C", "c"],
    ],
    defaults: { shell: "bash", workingDirectory: "dir-${{ matrix.os }}-${{ env.A }}" },
    timeoutMs: 1,
    outputs: [["o", "${{ steps.x.outputs.o }}"]],
    steps: [{ kind: "run", run: "make", condition: "success()", env: [], position: expect.anything() }],
    services: [],
    source: SOURCE,
    inputs: {},
    vars: { V: "1" },
    permissions: { contents: "read", packages: "read" },
    exclusive: false,
    cancelGrace: { interruptMs: 7_500, terminateMs: 2_500 },
  });
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
});

test.each([
  ['{"group":"g","labels":["a","b"]}', { labels: ["a", "b"], pool: "g" }],
  ['{"group":"g"}', { labels: [], pool: "g" }],
  ['{"labels":"a"}', { labels: ["a"] }],
])("runs-on may be computed as a map: %s", (json, place) => {
  const lines = ["runs-on: ${{ fromJSON(needs.a.outputs.on) }}"];
  const needs: NeedResult[] = [{ jobKey: "a", result: "success", outputs: { on: json } }];
  expect(decide(lines, { needs })).toMatchObject({ kind: "run", ...place });
});

test.each(['{"gruop":"g"}', "{}", '{"group":["g"]}', '{"group":"","labels":[]}', '{"labels":{"a":1}}'])(
  "runs-on computed as %s fails the job",
  (json) => {
    const needs: NeedResult[] = [{ jobKey: "a", result: "success", outputs: { on: json } }];
    expect(decide(["runs-on: ${{ fromJSON(needs.a.outputs.on) }}"], { needs })).toMatchObject({ kind: "fail" });
  },
);
