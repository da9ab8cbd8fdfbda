// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import {
  asJobId,
  concludeJob,
  concludeRun,
  concludeStep,
  decideConcurrency,
  decideFailFast,
  type MatrixCombination,
  type Value,
} from "@windrow/model";
import { describe, expect, it } from "vitest";
import { evaluateTemplate, evaluateValue } from "../src/evaluate.ts";
import { expandMatrix } from "../src/expand-matrix.ts";
import { parseAction } from "../src/parse-action.ts";
import { parseWorkflow } from "../src/parse-workflow.ts";
import { buildPlan } from "../src/plan/build-plan.ts";
import { decideRunStart } from "../src/plan/decide-run-start.ts";
import { mergeNeedOutputs } from "../src/plan/merge-need-outputs.ts";
import { outlivesCancel } from "../src/plan/outlives-cancel.ts";
import { readDispatchInputs } from "../src/plan/read-dispatch-inputs.ts";
import { resolveJobs } from "../src/plan/resolve-jobs.ts";
import { matchTriggers } from "../src/triggers/match-triggers.ts";
import { readTriggerEvent } from "../src/triggers/read-trigger-event.ts";
import type { TriggerEvent } from "../src/triggers/trigger-event.ts";
import { type Asked, decide, define, FACTS, jobOf, need, preview, SOURCE, scopeOf } from "./workflow-kit.ts";

/** A file whose job `b` needs `a` and carries the given lines. */
const withJob = (...lines: string[]) =>
  define(
    [
      "on: push",
      "jobs:",
      "  a: {runs-on: x, steps: [{run: make}]}",
      "  b:",
      "    needs: a",
      ...(lines.some((line) => line.startsWith("runs-on")) ? [] : ["    runs-on: x"]),
      ...lines.map((line) => `    ${line}`),
      "    steps: [{run: make}]",
    ].join("\n"),
  );

const complaints = (text: string) => parseWorkflow({ path: SOURCE.path, text }).diagnostics;
const FILE_JOBS = "jobs: {a: {runs-on: x, steps: [{run: make}]}}\n";
const jobWith = (line: string) => `on: push\njobs:\n  a:\n    runs-on: x\n    ${line}\n    steps: [{run: make}]\n`;

describe("corner 1: a condition without a status function means success() && (…)", () => {
  it.each<[string, Asked, "run" | "skip"]>([
    ["github.ref == 'refs/heads/main'", { needs: [need("a", "success")] }, "run"],
    ["github.ref == 'refs/heads/main'", { needs: [need("a", "failure")] }, "skip"],
    ["true", { needs: [need("a", "skipped")] }, "skip"],
    ["contains('always()', 'always()')", { needs: [need("a", "failure")] }, "skip"],
    ["true && (1 == 2 || always())", { needs: [need("a", "failure")] }, "run"],
    ["contains(fromJSON('[true]'), failure())", { needs: [need("a", "failure")] }, "run"],
  ])("corner 1: if: %s after %j → %s", (condition, asked, kind) => {
    expect(decide(withJob(`if: ${condition}`), asked).kind).toBe(kind);
  });

  it("corner 1: text outside of the braces makes the condition a text that is true", () => {
    const definition = withJob("if: ${{ github.ref == 'nothing' }} == 1");
    expect(decide(definition, { needs: [need("a", "success")] }).kind).toBe("run");
  });
});

describe("corner 2: a failed or skipped need skips the whole chain after it, unless the condition asks", () => {
  const chain = (condition: string) =>
    define(
      [
        "on: push",
        "jobs:",
        "  a: {runs-on: x, if: false, steps: [{run: make}]}",
        "  b: {runs-on: x, needs: a, steps: [{run: make}]}",
        `  c: {runs-on: x, needs: b, ${condition} steps: [{run: make}]}`,
      ].join("\n"),
    );

  it.each([
    ["", ["a", "b", "c"]],
    ["if: always(),", ["a", "b"]],
    ["if: '!cancelled()',", ["a", "b"]],
    ["if: failure(),", ["a", "b", "c"]],
    ["if: success() || failure(),", ["a", "b", "c"]],
  ])("corner 2: a skipped first job, and `%s` on the last of its chain, skips %j", (condition, skipped) => {
    const { jobs } = preview(chain(condition));
    expect(jobs.filter((job) => job.skippedBecause !== undefined).map((job) => job.key)).toEqual(skipped);
  });

  it("corner 2: failure() looks at every ancestor, not at direct needs alone", () => {
    const definition = chain("if: failure(),");
    const skipped = need("b", "skipped");
    expect(decide(definition, { needs: [skipped], ancestors: ["skipped", "failure"] }).kind).toBe("run");
    expect(decide(definition, { needs: [skipped], ancestors: ["skipped", "success"] }).kind).toBe("skip");
  });

  it.each<[string, Asked, "run" | "skip"]>([
    ["success('a')", { ancestors: ["success", "failure"], needs: [need("a", "success")] }, "run"],
    ["success('A')", { needs: [need("a", "failure")] }, "skip"],
    ["failure('a')", { ancestors: ["success", "failure"], needs: [need("a", "success")] }, "skip"],
    ["failure('a')", { needs: [need("a", "failure")] }, "run"],
    ["success('a')", { needs: [need("a", "success")], isRunCancelled: true }, "skip"],
  ])("corner 2: %s asks that need alone: %j → %s", (condition, asked, kind) => {
    expect(decide(withJob(`if: ${condition}`), asked).kind).toBe(kind);
  });

  it("corner 2: a status function that names no need is refused where it stands, and cannot start", () => {
    expect(complaints(jobWith("if: failure('build')"))).toMatchObject([{ code: "unknown-need", line: 5 }]);
    expect(decide(withJob("if: failure(github.ref_name)"), { needs: [need("a", "failure")] })).toMatchObject({
      kind: "fail",
      diagnostic: { message: expect.stringContaining("'main' is none of the job's needs") },
    });
  });

  it.each<[string, "run" | "skip"]>([
    ["always()", "run"],
    ["'!cancelled()'", "skip"],
    ["cancelled()", "run"],
    ["failure()", "skip"],
    ["success()", "skip"],
  ])("corner 2: after a cancel %s → %s", (condition, kind) => {
    const asked = { needs: [need("a", "failure")], isRunCancelled: true };
    expect(decide(withJob(`if: ${condition}`), asked).kind).toBe(kind);
  });
});

describe("corner 3: fail-fast is on unless it is turned off, and ends queued and running siblings", () => {
  const sibling = (id: number, failFast: boolean, continueOnError: boolean, isFailed: boolean) => ({
    id: asJobId(id),
    key: "b",
    state: isFailed ? ("finished" as const) : id % 2 === 0 ? ("queued" as const) : ("running" as const),
    conclusion: isFailed ? ("failure" as const) : null,
    failFast,
    continueOnError,
    matrixTotal: 3,
    isCopied: false,
  });

  it.each([
    ["strategy: {matrix: {n: [1, 2, 3]}}", true, [2, 3]],
    ["strategy: {matrix: {n: [1, 2, 3]}, fail-fast: true}", true, [2, 3]],
    ["strategy: {matrix: {n: [1, 2, 3]}, fail-fast: false}", false, []],
    ["strategy: {matrix: {n: [1, 2, 3]}, fail-fast: '${{ github.ref_name != ''main'' }}'}", false, []],
  ])("corner 3: %s", (line, failFast, ended) => {
    const [, ...seeds] = resolveJobs({ scope: scopeOf(withJob(line)), vars: {}, facts: FACTS });
    expect(seeds.map((seed) => seed.strategy.failFast)).toEqual([failFast, failFast, failFast]);
    const siblings = seeds.map((seed, at) => sibling(at + 1, seed.strategy.failFast, false, at === 0));
    expect(decideFailFast(siblings)).toEqual(ended);
  });

  it("corner 3: a job that may fail takes no sibling with it", () => {
    expect(decideFailFast([sibling(1, true, true, true), sibling(2, true, false, false)])).toEqual([]);
  });
});

describe("corner 4: max-parallel, 256 combinations, and the order of the matrix", () => {
  it("corner 4: jobs come in the order of the variables, the first changing slowest", () => {
    const definition = withJob("strategy: {max-parallel: 2, matrix: {os: [x, y], v: [1, 2]}}");
    const [, ...seeds] = resolveJobs({ scope: scopeOf(definition), vars: {}, facts: FACTS });
    expect(seeds.map((seed) => seed.name)).toEqual(["b (x, 1)", "b (x, 2)", "b (y, 1)", "b (y, 2)"]);
    expect(seeds.map((seed) => seed.strategy.jobIndex)).toEqual([0, 1, 2, 3]);
    expect(seeds.map((seed) => seed.strategy.maxParallel)).toEqual([2, 2, 2, 2]);
  });

  it("corner 4: max-parallel may be computed from needs, and must be a whole number", () => {
    const definition = withJob(
      "strategy: {max-parallel: '${{ fromJSON(needs.a.outputs.p) }}', matrix: {v: [1, 2, 3]}}",
    );
    const after = (p: string) => decide(definition, { needs: [need("a", "success", { p })] });
    expect(after("2")).toMatchObject({ kind: "run", maxParallel: 2 });
    expect(after("1.5")).toMatchObject({
      kind: "fail",
      diagnostic: { message: expect.stringContaining("max-parallel") },
    });
  });

  it("corner 4: 256 combinations are accepted, 257 are refused where they are written", () => {
    const numbers = (count: number) => Array.from({ length: count }, (_, at) => at).join(", ");
    const file = (count: number) => jobWith(`strategy: {matrix: {n: [${numbers(count)}]}}`);
    expect(define(file(256)).jobs[0]?.matrix).toHaveLength(256);
    expect(complaints(file(257))).toMatchObject([{ severity: "error", code: "limit-matrix", line: 5 }]);
  });
});

describe("corner 5: include and exclude in the documented order", () => {
  const base = [
    { name: "fruit", values: ["apple", "pear"] },
    { name: "animal", values: ["cat", "dog"] },
  ];

  it("corner 5: exclude comes first, and by partial match", () => {
    const rows = expandMatrix({ vectors: base, exclude: [{ fruit: "apple" }], include: [{ fruit: "apple" }] });
    expect(rows).toEqual([{ fruit: "pear", animal: "cat" }, { fruit: "pear", animal: "dog" }, { fruit: "apple" }]);
  });

  it("corner 5: include never overwrites an original value", () => {
    expect(expandMatrix({ vectors: base, exclude: [], include: [{ fruit: "fig", color: "red" }] })).toEqual([
      { fruit: "apple", animal: "cat" },
      { fruit: "apple", animal: "dog" },
      { fruit: "pear", animal: "cat" },
      { fruit: "pear", animal: "dog" },
      { fruit: "fig", color: "red" },
    ]);
  });

  it("corner 5: an added value may be overwritten by a later include", () => {
    const include: MatrixCombination[] = [{ color: "green" }, { color: "pink", animal: "cat" }];
    expect(expandMatrix({ vectors: base, exclude: [], include })?.map((row) => row.color)).toEqual([
      "pink",
      "green",
      "pink",
      "green",
    ]);
  });

  it("corner 5: an include that fits nowhere is a job of its own, which no later one extends", () => {
    const include: MatrixCombination[] = [{ fruit: "banana" }, { fruit: "banana", animal: "cat" }];
    expect(expandMatrix({ vectors: base, exclude: [], include })?.slice(4)).toEqual(include);
  });

  it("corner 5: include alone makes its entries the jobs", () => {
    const definition = define(jobWith("strategy: {matrix: {include: [{v: 1}, {v: 2, w: x}]}}"));
    expect(definition.jobs[0]?.matrix).toEqual([{ v: 1 }, { v: 2, w: "x" }]);
  });
});

describe("corner 6: a matrix computed from needs is known when they have run", () => {
  const definition = withJob(
    "strategy: {matrix: {v: '${{ fromJSON(needs.a.outputs.m) }}'}}",
    "name: on ${{ matrix.v }}",
  );

  it("corner 6: it is one job at first", () => {
    const [, ...seeds] = resolveJobs({ scope: scopeOf(definition), vars: {}, facts: FACTS });
    expect(seeds).toMatchObject([{ key: "b", matrix: {}, isDynamic: true, needs: ["a"] }]);
    expect(preview(definition).jobs[1]).toMatchObject({ key: "b", unknown: ["matrix", "name"] });
  });

  it("corner 6: it is expanded when its needs are finished", () => {
    expect(decide(definition, { needs: [need("a", "success", { m: "[1, 2]" })] })).toEqual({
      kind: "expand",
      combinations: [{ v: 1 }, { v: 2 }],
      failFast: true,
    });
  });

  it("corner 6: an empty one fails the job, and says so where it stands", () => {
    expect(decide(definition, { needs: [need("a", "success", { m: "[]" })] })).toMatchObject({
      kind: "fail",
      diagnostic: { line: 4, message: "job 'b' cannot start: 'v' of the matrix has no values" },
    });
  });

  it("corner 6: a job that is not wanted is skipped before its matrix is looked at", () => {
    expect(decide(definition, { needs: [need("a", "failure")] })).toEqual({ kind: "skip" });
  });
});

describe("corner 7: outputs of the jobs of a matrix are merged", () => {
  const row = (outputs: { [name: string]: string }) => ({
    conclusion: "success" as const,
    continueOnError: false,
    outputs,
  });

  it("corner 7: the last to finish wins on equal names, and nothing is lost", () => {
    expect(mergeNeedOutputs("a", [row({ x: "1", y: "1" }), row({ x: "2" })]).outputs).toEqual({ x: "2", y: "1" });
  });

  it("corner 7: outputs are texts", () => {
    const needs = [need("a", "success", { flag: "false" })];
    expect(decide(withJob("if: needs.a.outputs.flag"), { needs }).kind).toBe("run");
    expect(decide(withJob("if: needs.a.outputs.flag == true"), { needs }).kind).toBe("skip");
    expect(decide(withJob("if: fromJSON(needs.a.outputs.flag)"), { needs }).kind).toBe("skip");
  });
});

describe("corner 11: defaults of a run step: the job's before the workflow's", () => {
  it.each([
    ["", "", {}],
    ["defaults: {run: {shell: bash}}", "", { shell: "bash" }],
    [
      "defaults: {run: {shell: bash, working-directory: w}}",
      "defaults: {run: {shell: sh}}",
      { shell: "sh", workingDirectory: "w" },
    ],
  ])("corner 11: workflow `%s`, job `%s`", (workflow, job, expected) => {
    const definition = define(`${workflow}\n${jobWith(job)}`);
    const [first] = definition.jobs;
    if (first === undefined) throw new Error("no job");
    const { defaults } = planOf(definition, first.key);
    expect(defaults).toEqual(expected);
  });
});

function planOf(definition: ReturnType<typeof define>, key: string) {
  return buildPlan({
    scope: scopeOf(definition),
    vars: {},
    job: jobOf(definition, key),
    matrix: {},
    jobIndex: 0,
    jobTotal: 1,
    needs: [],
    facts: FACTS,
    name: key,
    timeoutMs: 1,
  });
}

describe("corner 12: an expression in a script is put into its text before the shell reads it", () => {
  it.each([
    ["echo '${{ github.event.title }}'", "echo 'it's \"quoted\"\n$(date)'"],
    ["echo 'a' 'b' ${{ 'it''s ''so''' }}", "echo 'a' 'b' it's 'so'"],
    ["cat <<EOF\n  ${{ github.ref_name }}\nEOF\n", "cat <<EOF\n  main\nEOF\n"],
  ])("corner 12: %j", (run, text) => {
    const github = { ref_name: "main", event: { title: 'it\'s "quoted"\n$(date)' } };
    expect(evaluateTemplate(run, { github })).toBe(text);
  });

  it("corner 12: scripts over several lines keep their lines, indentation and line ends", () => {
    const file = (block: string) => `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: ${block}`;
    const runOf = (text: string) => {
      const step = define(text).jobs[0]?.steps[0];
      return step?.kind === "run" ? evaluateTemplate(step.run, { github: { ref: "R" } }) : undefined;
    };
    expect(runOf(file("|\n          if x; then\n            echo ${{ github.ref }}\n          fi\n"))).toBe(
      "if x; then\n  echo R\nfi\n",
    );
    expect(runOf(file(">-\n          a\n          ${{ github.ref }}\n"))).toBe("a R");
    expect(runOf(file("|\n          echo ${{ github.ref }}\n          x\n").replaceAll("\n", "\r\n"))).toBe(
      "echo R\nx\n",
    );
  });
});

describe("corner 13: which contexts a key may read is part of the language", () => {
  it.each([
    ["if: secrets.TOKEN != ''", "secrets"],
    ["if: matrix.os == 'x'", "matrix"],
    ["if: env.X == 'x'", "env"],
    ["strategy: {matrix: {v: ['${{ env.X }}']}}", "env"],
    ["name: ${{ secrets.X }}", "secrets"],
    ["if: hashFiles('x') != ''", "hashFiles"],
    ["timeout-minutes: ${{ steps.x.outputs.y }}", "steps"],
  ])("corner 13: %s is refused where it stands", (line, word) => {
    const found = complaints(jobWith(line)).filter((one) => one.severity === "error");
    expect(found[0]).toMatchObject({ line: 5, message: expect.stringContaining(word) });
  });

  it("corner 13: env is refused in runs-on", () => {
    const text = "on: push\njobs:\n  a:\n    runs-on: ${{ env.X }}\n    steps: [{run: make}]\n";
    expect(complaints(text).filter((one) => one.severity === "error")).toMatchObject([{ line: 4 }]);
  });

  it("corner 13: a context that is not there at run time is null, and so is all in it", () => {
    expect(evaluateValue("${{ runner.os }}", {})).toBeNull();
    expect(evaluateTemplate("[${{ steps.x.outputs.y }}]", {})).toBe("[]");
  });
});

describe("corner 14: loose typing", () => {
  const contexts = { needs: { a: { outputs: { no: "false", zero: "0", empty: "" } } }, inputs: { no: false } };

  it.each([
    ["'Hello' == 'hELLO'", true],
    ["'' == 0", true],
    ["null == ''", true],
    ["null == false", true],
    ["'1' == 1", true],
    ["' 1 ' == 1", true],
    ["'0x10' == 16", true],
    ["'a' == 0", false],
    ["'a' < 1", false],
    ["'a' >= 1", false],
    ["'a' != 1", true],
    ["NaN == NaN", false],
    ["true == 'true'", false],
    ["needs.a.outputs.no && 'set'", "set"],
    ["needs.a.outputs.zero && 'set'", "set"],
    ["needs.a.outputs.empty || 'default'", "default"],
    ["inputs.no || 'default'", "default"],
    ["needs.a.outputs.none || 0", 0],
    ["false && 'x'", false],
    ["'x' && 'y'", "y"],
    ["github", null],
    ["fromJSON('[]') == fromJSON('[]')", false],
    ["fromJSON('[]') && 'truthy'", "truthy"],
  ])("corner 14: %s is %j", (expression, value) => {
    expect(evaluateValue(`\${{ ${expression} }}`, contexts)).toEqual(value);
  });

  it("corner 14: inputs of a dispatch are typed in `inputs` and texts in the event", () => {
    const definitions = [{ name: "dry", type: "boolean" as const, required: false }];
    const read = readDispatchInputs(definitions, { dry: "false" });
    if ("problems" in read) throw new Error("refused");
    const seen = { inputs: read.inputs, github: { event: { inputs: read.eventInputs } } };
    expect(evaluateValue("${{ inputs.dry && 1 || 2 }}", seen)).toBe(2);
    expect(evaluateValue("${{ github.event.inputs.dry && 1 || 2 }}", seen)).toBe(1);
  });
});

describe("corner 15: hashFiles is the agent's alone", () => {
  it("corner 15: it may stand in steps, and in no key that is decided before", () => {
    const step =
      "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo ${{ hashFiles('**/x', '!y') }}\n";
    expect(complaints(step)).toEqual([]);
    for (const line of ["name: ${{ hashFiles('x') }}", "env: {A: '${{ hashFiles(''x'') }}'}"]) {
      expect(complaints(jobWith(line)).filter((one) => one.severity === "error")).toMatchObject([{ line: 5 }]);
    }
  });

  it("corner 15: where nobody can hash it is an error, not an empty text", () => {
    expect(() => evaluateTemplate("${{ hashFiles('x') }}", {})).toThrow(/'hashFiles' is not available here/);
    expect(evaluateTemplate("${{ hashFiles('x', 'y') }}", {}, { hashFiles: (all) => all.join("+") })).toBe("x+y");
  });
});

describe("corner 16: timeout-minutes is 360 by default, may have a fraction, and may be an expression", () => {
  it.each([
    ["env: {}", 360 * 60_000],
    ["timeout-minutes: 5", 300_000],
    ["timeout-minutes: 1.5", 90_000],
    ["timeout-minutes: ${{ fromJSON(needs.a.outputs.t) }}", 120_000],
    ["timeout-minutes: ${{ github.ref_name == 'main' && 10 || 20 }}", 600_000],
  ])("corner 16: %s", (line, timeoutMs) => {
    expect(decide(withJob(line), { needs: [need("a", "success", { t: "2" })] })).toMatchObject({
      kind: "run",
      timeoutMs,
    });
  });

  it("corner 16: a job that took too long is cancelled, a step failed", () => {
    expect(concludeJob("timed_out")).toBe("cancelled");
    expect(concludeStep("timed_out", false)).toBe("failure");
    expect(concludeStep("timed_out", true)).toBe("success");
  });
});

describe("corner 17: continue-on-error keeps the outcome and changes the conclusion", () => {
  it.each([
    ["continue-on-error: true", true],
    ["continue-on-error: ${{ github.ref_name == 'main' }}", true],
    ["continue-on-error: ${{ matrix.experimental }}", false],
    ["env: {}", false],
  ])("corner 17: %s", (line, continueOnError) => {
    expect(decide(withJob(line), { needs: [need("a", "success")] })).toMatchObject({ continueOnError });
  });

  it("corner 17: the run stays green, and those that need the job see a success", () => {
    expect(concludeRun([{ conclusion: "failure", continueOnError: true }])).toBe("success");
    expect(mergeNeedOutputs("a", [{ conclusion: "failure", continueOnError: true, outputs: {} }]).result).toBe(
      "success",
    );
    expect(concludeStep("failed", true)).toBe("success");
  });
});

describe("corner 18: at a cancel conditions are judged again", () => {
  it.each([
    ["env: {}", false],
    ["if: always()", true],
    ["if: cancelled()", true],
    ["if: '!cancelled()'", false],
    ["if: always() && github.ref_name == 'other'", false],
    ["if: always() && needs.a.result == 'skipped'", false],
  ])("corner 18: %s (goes on: %s)", (line, goesOn) => {
    const definition = withJob(line);
    const needs = [need("a", "failure")];
    const question = { scope: scopeOf(definition), vars: {}, job: jobOf(definition, "b"), needs, facts: FACTS };
    expect(outlivesCancel({ ...question, ancestors: ["failure"] })).toBe(goesOn);
  });
});

describe("corner 19: concurrency groups", () => {
  const startOf = (lines: string, facts = FACTS) =>
    decideRunStart({ scope: scopeOf(define(`${lines}\n${jobWith("env: {}")}`)), vars: {}, facts });

  it.each([
    ["concurrency: deploy", { group: "deploy", cancelInProgress: false, queue: "single" }],
    [
      "concurrency: {group: '${{ github.workflow }}-${{ github.ref }}', cancel-in-progress: true}",
      { group: "CI-refs/heads/main", cancelInProgress: true, queue: "single" },
    ],
    [
      "concurrency: {group: x, cancel-in-progress: '${{ github.ref != ''refs/heads/main'' }}'}",
      { group: "x", cancelInProgress: false, queue: "single" },
    ],
    ["concurrency: {group: x, queue: max}", { group: "x", cancelInProgress: false, queue: "max" }],
    [
      "concurrency: '${{ github.head_ref || github.run_id }}'",
      { group: "7", cancelInProgress: false, queue: "single" },
    ],
  ])("corner 19: %s", (lines, concurrency) => {
    expect(startOf(lines)).toEqual({ concurrency });
  });

  it("corner 19: one runs and one waits; a newer one replaces the one that waits", () => {
    const entries = [
      { id: 1, state: "holding" as const, since: 1 },
      { id: 2, state: "pending" as const, since: 2 },
    ];
    const newcomer = { id: 3, queue: "single" as const, cancelInProgress: false };
    expect(decideConcurrency({ entries, newcomer })).toEqual({
      newcomer: "pending",
      cancelPending: [2],
      cancelHolders: [],
    });
  });

  it("corner 19: in a called file github.workflow is the caller's, so that both ask for one group", () => {
    const text = "on: workflow_call\nconcurrency: '${{ github.workflow }}'\n";
    const called = define(`name: Called\n${text}jobs: {c: {runs-on: x, steps: [{run: make}]}}`);
    expect(decideRunStart({ scope: scopeOf(called), vars: {}, facts: FACTS })).toMatchObject({
      concurrency: { group: "CI" },
    });
  });

  it("corner 19: a job may have a group of its own, with its matrix in it", () => {
    const definition = withJob("strategy: {matrix: {v: [1, 2]}}", "concurrency: 'deploy-${{ matrix.v }}'");
    expect(decide(definition, { row: 1, needs: [need("a", "success")] })).toMatchObject({
      concurrency: { group: "deploy-2" },
    });
  });

  it("corner 19: a group whose name comes out empty is an error, not a group of all", () => {
    expect(startOf("concurrency: '${{ github.head_ref }}'")).toMatchObject({
      diagnostic: { message: "the run cannot start: the concurrency group has no name" },
    });
  });
});

describe("corner 20: filters have a pattern language of their own", () => {
  const starts = (on: string, event: TriggerEvent) => matchTriggers(define(`on: ${on}\n${FILE_JOBS}`), event).matches;
  const push = (ref: string, more: object = {}): TriggerEvent => ({ event: "push", ref: `refs/${ref}`, ...more });

  it.each<[string, string, boolean]>([
    ["branches: ['*']", "heads/main", true],
    ["branches: ['*']", "heads/a/b", false],
    ["branches: ['**']", "heads/a/b", true],
    ["branches: ['feature/**']", "heads/feature/a/b", true],
    ["branches: ['colou?r']", "heads/color", true],
    ["branches: ['colou?r']", "heads/colouur", false],
    ["branches: ['v[0-9]+']", "heads/v12", true],
    ["branches: ['v[0-9]+']", "heads/v", false],
    ["branches: ['**', '!old/**']", "heads/old/x", false],
    ["branches: ['**', '!old/**', 'old/kept']", "heads/old/kept", true],
    ["branches: ['!main']", "heads/other", false],
    ["branches: [main]", "tags/v1", false],
    ["tags: ['v*']", "tags/v1", true],
    ["tags: ['v*']", "heads/v1", false],
    ["branches: [main], tags: ['v*']", "tags/v1", true],
    ["branches-ignore: ['wip-*']", "heads/wip-1", false],
  ])("corner 20: push: {%s} for refs/%s: %s", (filter, ref, isStarted) => {
    expect(starts(`{push: {${filter}}}`, push(ref))).toBe(isStarted);
  });

  const many = Array.from({ length: 300 }, (_, at) => `other/${at}`);
  it.each<[string, string, object, boolean]>([
    ["paths: ['src/**']", "heads/x", { changedPaths: ["docs/a", "src/a"] }, true],
    ["paths: ['src/**', '!src/**.md']", "heads/x", { changedPaths: ["src/a/b.md"] }, false],
    ["paths-ignore: ['docs/**']", "heads/x", { changedPaths: ["docs/a"] }, false],
    ["paths-ignore: ['docs/**']", "heads/x", { changedPaths: ["docs/a", "src/a"] }, true],
    ["paths: ['src/**']", "tags/v1", { changedPaths: ["docs/a"] }, true],
    ["branches: [main], paths: ['src/**']", "heads/x", { changedPaths: ["src/a"] }, false],
    ["paths: ['src/**']", "heads/x", { changedPaths: [...many, "src/a"] }, false],
    ["paths: ['src/**']", "heads/x", { changedPaths: ["docs/a"], commitCount: 1_001 }, true],
    ["paths: ['src/**']", "heads/x", {}, true],
  ])("corner 20: push: {%s} for refs/%s after %o: %s", (filter, ref, more, isStarted) => {
    expect(starts(`{push: {${filter}}}`, push(ref, more))).toBe(isStarted);
  });

  it("corner 20: both branches and branches-ignore is a mistake", () => {
    const text = `on: {push: {branches: [a], branches-ignore: [b]}}\n${FILE_JOBS}`;
    expect(complaints(text).filter((one) => one.severity === "error")).toMatchObject([{ line: 1 }]);
  });
});

describe("corner 21: words in the head commit's message hold a push and a pull request back, and nothing else", () => {
  const MESSAGES: [string, boolean][] = [
    ["fix [skip ci]", true],
    ["[ci skip] fix", true],
    ["fix\n\nand [no ci] more", true],
    ["[skip actions]", true],
    ["x [actions skip]", true],
    ["fix\n\n\nskip-checks: true", true],
    ["fix\n\n\nskip-checks:true\n", true],
    ["skip ci", false],
    ["skip-checks: true", false],
    ["fix\n\nskip-checks: false", false],
  ];
  const on = define(`on: {push: {}, pull_request: {}, pull_request_target: {}, workflow_dispatch: {}}\n${FILE_JOBS}`);
  const pull = { head: { ref: "x" }, base: { ref: "main" } };

  it.each(MESSAGES)("corner 21: %j (holds back: %s)", (headMessage, isHeldBack) => {
    const starts = (event: string, payload: Value) =>
      matchTriggers(on, readTriggerEvent({ event, payload, headMessage })).matches;
    expect(starts("push", { ref: "refs/heads/main" })).toBe(!isHeldBack);
    expect(starts("push", { ref: "refs/heads/main", head_commit: { message: "other" } })).toBe(true);
    expect(starts("pull_request", { action: "opened", pull_request: pull })).toBe(!isHeldBack);
    expect(starts("pull_request_target", { action: "opened", pull_request: pull })).toBe(true);
    expect(starts("workflow_dispatch", {})).toBe(true);
  });
});

describe("corner 23: containers are planned whole, as templates", () => {
  it("corner 23: with every key, for whoever can run them", () => {
    const definition = withJob(
      "container: {image: 'node:${{ github.event.v }}', options: --cpus 1, env: {A: 1}, volumes: [/a:/b], ports: [80],",
      "  credentials: {username: me, password: '${{ secrets.PULL }}'}}",
      "services: {db: {image: postgres, ports: ['5432:5432'], options: --health-cmd pg_isready}, none: {image: '${{ matrix.none }}'}}",
    );
    const plan = planOf(definition, "b");
    expect(plan.container).toEqual({
      image: "node:${{ github.event.v }}",
      options: "--cpus 1",
      env: [["A", "1"]],
      volumes: ["/a:/b"],
      ports: ["80"],
      credentials: { username: "me", password: "${{ secrets.PULL }}" },
    });
    expect(plan.services).toMatchObject([
      { name: "db", image: "postgres", ports: ["5432:5432"], options: "--health-cmd pg_isready" },
      { name: "none", image: "${{ matrix.none }}" },
    ]);
  });

  it("corner 23: a Docker action is read, too", () => {
    const text = "name: x\nruns: {using: docker, image: Dockerfile, entrypoint: /run.sh, args: [a]}\n";
    expect(parseAction({ path: "action.yml", text }).definition?.runs).toMatchObject({ kind: "docker" });
  });
});

describe("corner 24: called workflows", () => {
  const CALLED = [
    "on:",
    "  workflow_call:",
    "    inputs:",
    "      flag: {type: boolean}",
    "      count: {type: number, default: 3}",
    "      name: {type: string, required: true}",
    "      from: {type: string, default: '${{ github.ref_name }}'}",
    "    outputs:",
    "      version: {value: '${{ jobs.build.outputs.v }}'}",
    "jobs:",
    "  build:",
    "    runs-on: x",
    "    if: inputs.flag",
    "    outputs: {v: '${{ steps.s.outputs.v }}'}",
    "    env: {C: '${{ inputs.count }}'}",
    "    steps: [{id: s, run: make}]",
  ].join("\n");
  const caller = (call: string, more = "") =>
    define(
      `on: push\nenv: {CALLER: 1}\njobs:\n  call:\n    uses: ./.github/workflows/called.yml\n    ${call}\n${more}`,
      {
        "./.github/workflows/called.yml": CALLED,
      },
    );

  it("corner 24: inputs are typed, have defaults, and are evaluated where the call stands", () => {
    expect(decide(caller("with: {name: '${{ github.ref_name }}', flag: true}"))).toEqual({
      kind: "call",
      name: "call",
      uses: "./.github/workflows/called.yml",
      inputs: { flag: true, count: 3, name: "main", from: "main" },
      failFast: true,
    });
  });

  it.each([
    ["with: {flag: true}", "requires the input 'name'"],
    ["with: {name: x, nmae: y}", "no input 'nmae'"],
    ["with: {name: x, flag: '${{ github.ref_name }}'}", "must be a boolean"],
    ["with: {name: x, count: '${{ github.ref_name }}'}", "must be a number"],
  ])("corner 24: %s fails with a sentence", (call, words) => {
    expect(decide(caller(call))).toMatchObject({
      kind: "fail",
      diagnostic: { line: 4, message: expect.stringContaining(words) },
    });
  });

  it("corner 24: the jobs of the called file stand after the call, and see its inputs", () => {
    const ran = preview(caller("with: {name: x, flag: true}"));
    expect(ran.diagnostics).toEqual([]);
    expect(ran.jobs.map((job) => job.id)).toEqual(["call", "call / build"]);
    expect(preview(caller("with: {name: x}")).jobs[1]).toMatchObject({
      id: "call / build",
      skippedBecause: "its condition is false: inputs.flag",
    });
  });

  it("corner 24: of a file that is there to be called the inputs are not known, of a caller they are", () => {
    expect(preview(define(CALLED)).jobs).toMatchObject([{ id: "build", unknown: ["if"] }]);
    expect(preview(define(CALLED), { flag: false }).jobs).toMatchObject([{ skippedBecause: expect.anything() }]);
  });

  it("corner 24: what a call is given by jobs that have not run is not known yet", () => {
    const more = "    needs: gen\n  gen: {runs-on: x, outputs: {f: '1'}, steps: [{run: make}]}\n";
    const { jobs } = preview(caller("with: {name: x, flag: '${{ needs.gen.outputs.f == 1 }}'}", more));
    expect(jobs.find((job) => job.id === "call / build")).toMatchObject({ unknown: ["if"] });
  });
});

describe("corner 25: a plan carries no secret", () => {
  it("corner 25: what reads one stays an expression until the job runs", () => {
    const definition = define(
      [
        "on: push",
        "env: {A: '${{ secrets.A }}'}",
        "jobs:",
        "  a:",
        "    runs-on: x",
        "    env: {B: '${{ github.token }}', C: plain}",
        "    defaults: {run: {working-directory: '${{ env.C }}/${{ env.A }}'}}",
        "    outputs: {o: '${{ secrets.A }}'}",
        "    steps: [{run: 'echo ${{ secrets.A }}', env: {D: '${{ secrets.D }}'}}, {uses: ./x, with: {t: '${{ secrets.E }}'}}]",
      ].join("\n"),
    );
    const { env, outputs, steps, defaults } = planOf(definition, "a");
    expect(env).toEqual([
      ["A", "${{ secrets.A }}"],
      ["B", "${{ github.token }}"],
      ["C", "plain"],
    ]);
    expect(outputs).toEqual([["o", "${{ secrets.A }}"]]);
    expect(steps).toMatchObject([
      { run: "echo ${{ secrets.A }}", env: [["D", "${{ secrets.D }}"]] },
      { with: [["t", "${{ secrets.E }}"]] },
    ]);
    expect(defaults).toEqual({ workingDirectory: "${{ env.C }}/${{ env.A }}" });
  });
});

describe("corner 25: permissions only narrow", () => {
  it.each([
    ["", "env: {}", "trusted", { contents: "read", packages: "read" }],
    ["permissions: {contents: write}", "env: {}", "trusted", { contents: "write" }],
    ["permissions: {contents: write}", "permissions: {issues: write}", "trusted", { issues: "write" }],
    ["permissions: {}", "env: {}", "trusted", {}],
    ["permissions: {contents: write}", "env: {}", "untrusted", { contents: "read" }],
  ] as const)("corner 25: workflow `%s`, job `%s`, %s", (workflow, job, trust, permissions) => {
    const definition = define(`${workflow}\n${jobWith(job)}`);
    const plan = buildPlan({
      scope: scopeOf(definition),
      vars: {},
      job: jobOf(definition, "a"),
      matrix: {},
      jobIndex: 0,
      jobTotal: 1,
      needs: [],
      facts: { ...FACTS, trust },
      name: "a",
      timeoutMs: 1,
    });
    expect(plan.permissions).toEqual(permissions);
  });
});
