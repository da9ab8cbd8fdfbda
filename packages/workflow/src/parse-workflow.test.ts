// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import { expect, test } from "vitest";
import { DIAGNOSTICS_MAX, FILE_BYTES_MAX, JOBS_MAX, MATRIX_COMBINATIONS_MAX } from "./limits.ts";
import { parseWorkflow } from "./parse-workflow.ts";

const PATH = ".windrow/workflows/ci.yml";
const parse = (text: string) => parseWorkflow({ path: PATH, text });

test.each([
  ["push: {branchs: [main]}", "{run: x}", "did you mean 'branches'?"],
  ["push: {}", "{run: x, uses: actions/checkout@v4}", "'uses' stands neither beside 'run' in a step"],
  ["push: {}", "{uses: actions/checkout@v4, shell: bash}", "'shell' stands beside 'run'"],
  ["push: {}", "{run: x, with: {a: b}}", "'with' stands beside 'uses'"],
])("a key in a wrong place is explained: on: {%s}, steps: [%s]", (on, step, hint) => {
  const { diagnostics } = parse(`on: {${on}}\njobs: {a: {runs-on: x, steps: [${step}]}}\n`);
  expect(diagnostics[0]?.hint).toContain(hint);
});

test("a whole file becomes a definition", () => {
  const { definition, diagnostics } = parse(`name: CI
on:
  push:
    branches: [main, 'releases/**']
    paths-ignore: ['docs/**']
  workflow_dispatch:
env:
  ALL: everywhere
defaults:
  run:
    shell: bash
jobs:
  build:
    name: Build \${{ matrix.node }}
    runs-on: [self-hosted, '\${{ matrix.os }}']
    timeout-minutes: 10
    continue-on-error: \${{ matrix.node == 22 }}
    strategy:
      fail-fast: false
      max-parallel: 2
      matrix:
        os: [linux]
        node: [20, 22]
        include:
          - os: linux
            node: 22
            extra: true
    env:
      N: \${{ matrix.node }}
    defaults:
      run:
        working-directory: app
    outputs:
      version: \${{ steps.v.outputs.version }}
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
          token: \${{ github.token }}
      - id: v
        name: Version
        if: github.ref == 'refs/heads/main'
        run: |
          echo "version=\${{ matrix.node }}" >> "$GITHUB_OUTPUT"
          echo done
        shell: sh
        working-directory: .
        env: {A: 1, B: true}
        continue-on-error: true
        timeout-minutes: 1.5
  deploy:
    needs: build
    if: \${{ always() && needs.build.result == 'success' }}
    runs-on: linux
    steps:
      - run: make deploy
`);
  expect(diagnostics).toEqual([]);
  expect(definition).toEqual({
    path: PATH,
    name: "CI",
    env: [["ALL", "everywhere"]],
    defaults: { shell: "bash" },
    triggers: [
      { event: "push", branches: ["main", "releases/**"], pathsIgnore: ["docs/**"] },
      { event: "workflow_dispatch" },
    ],
    jobs: [
      {
        key: "build",
        name: "Build ${{ matrix.node }}",
        needs: [],
        condition: "success()",
        runsOn: ["self-hosted", "${{ matrix.os }}"],
        env: [["N", "${{ matrix.node }}"]],
        defaults: { workingDirectory: "app" },
        timeoutMinutes: "10",
        continueOnError: "${{ matrix.node == 22 }}",
        outputs: [["version", "${{ steps.v.outputs.version }}"]],
        strategy: { failFast: false, maxParallel: 2 },
        services: [],
        matrix: [
          { os: "linux", node: 20 },
          { os: "linux", node: 22, extra: true },
        ],
        steps: [
          {
            kind: "uses",
            uses: "actions/checkout@v4",
            condition: "success()",
            env: [],
            with: [
              ["fetch-depth", "0"],
              ["token", "${{ github.token }}"],
            ],
            position: { line: 36, column: 9 },
          },
          {
            kind: "run",
            id: "v",
            name: "Version",
            condition: "success() && (github.ref == 'refs/heads/main')",
            run: 'echo "version=${{ matrix.node }}" >> "$GITHUB_OUTPUT"\necho done\n',
            shell: "sh",
            workingDirectory: ".",
            env: [
              ["A", "1"],
              ["B", "true"],
            ],
            continueOnError: "true",
            timeoutMinutes: "1.5",
            position: { line: 40, column: 9 },
          },
        ],
        position: { line: 13, column: 3 },
      },
      {
        key: "deploy",
        needs: ["build"],
        condition: "always() && needs.build.result == 'success'",
        runsOn: ["linux"],
        env: [],
        defaults: {},
        outputs: [],
        strategy: { failFast: true },
        matrix: [{}],
        services: [],
        steps: [
          { kind: "run", condition: "success()", env: [], run: "make deploy", position: { line: 56, column: 9 } },
        ],
        position: { line: 51, column: 3 },
      },
    ],
  });
});

/** A file with one job `a`; `job` and `step` stand at their places, as lines of their own. */
const withJob = (job: string) => `on: push\njobs:\n  a:\n    runs-on: x\n    ${job}\n    steps:\n      - run: make\n`;
const withTrigger = (trigger: string) => `on: {${trigger}}\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n`;
const usesStep = (uses: string) => `on: push\njobs: {a: {runs-on: x, steps: [{uses: '${uses}'}]}}\n`;
const withStep = (step: string) =>
  `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: make\n        ${step}\n`;

test.each<[what: string, text: string, place: `${number}:${number}`, code: string, message: string]>([
  ["broken YAML", "on: push\njobs:\n  a: {b\n", "3:6", "yaml", "broken YAML"],
  ["a tab", "on: push\njobs:\n\ta: 1\n", "3:1", "yaml", "broken YAML"],
  ["an empty file", "", "1:1", "empty-file", "no workflow"],
  ["a list", "- a\n", "1:1", "wrong-shape", "list"],
  ["no jobs", "on: push\n", "1:1", "missing-key", "'jobs'"],
  ["an unknown key", withJob("stepz: 1"), "5:5", "unknown-key", "'stepz'"],
  ["an unknown key of a step", withStep("shel: bash"), "7:9", "unknown-key", "'shel'"],
  ["a key twice", withJob("runs-on: y"), "5:5", "duplicate-key", "'runs-on'"],
  ["an unknown event", "on: pussh\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n", "1:5", "unexpected-value", "'pussh'"],
  ["an unknown need", withJob("needs: [b]"), "5:13", "unknown-need", "'b'"],
  ["a need of itself", withJob("needs: a"), "5:12", "cyclic-needs", "itself"],
  ["an expression error", withStep("name: x ${{ github.ref == }}"), "7:17", "expression", "unexpected end"],
  ["an expression that is not closed", withStep('name: "${{ github.ref"'), "7:15", "expression", "not closed"],
  ["an unknown function", withStep("name: ${{ nope() }}"), "7:15", "expression", "'nope'"],
  ["an unknown context", withStep("name: ${{ nope.x }}"), "7:15", "expression", "'nope'"],
  ["a context that is not available", withJob("if: matrix.os == 'x'"), "5:9", "expression", "'matrix'"],
  ["an error inside a condition", withStep("if: github.ref == main"), "7:27", "expression", "'main'"],
  ["secrets in a condition", withStep("if: secrets.X"), "7:13", "expression", "'secrets'"],
  ["a name found in every object", withStep("name: ${{ constructor() }}"), "7:15", "expression", "constructor"],
  ["an invalid timeout", withJob("timeout-minutes: 0"), "5:22", "invalid-timeout", "above 0"],
  ["a timeout that is no number", withStep("timeout-minutes: soon"), "7:26", "unexpected-value", "'soon'"],
  ["an unknown shell", withStep("shell: fishy"), "7:16", "unknown-shell", "'fishy'"],
  ["an unknown default shell", withJob("defaults: {run: {shell: nope}}"), "5:29", "unknown-shell", "'nope'"],
  ["an id that is none", withStep("id: 1a"), "7:9", "invalid-id", "'1a'"],
  ["no steps", "on: push\njobs:\n  a:\n    runs-on: x\n", "3:3", "no-steps", "'a'"],
  ["no runs-on", "on: push\njobs:\n  a:\n    steps: [{run: x}]\n", "4:5", "missing-key", "'runs-on'"],
  [
    "a step of nothing",
    "on: push\njobs: {a: {runs-on: x, steps: [{name: x}]}}\n",
    "2:32",
    "ambiguous",
    "cannot be told",
  ],
  [
    "both branch filters",
    "on: {push: {branches: [a], branches-ignore: [b]}}\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n",
    "1:28",
    "both-filters",
    "branches-ignore",
  ],
  [
    "a pattern that is not closed",
    "on: {push: {branches: ['a[']}}\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n",
    "1:24",
    "pattern",
    "not closed",
  ],
  ["an empty matrix variable", withJob("strategy: {matrix: {os: []}}"), "5:25", "empty-matrix", "'os'"],
  [
    "an exclude of nothing",
    withJob("strategy: {matrix: {os: [a], exclude: [{v: 1}]}}"),
    "5:45",
    "unknown-exclude",
    "'v'",
  ],
  ["too many parallel", withJob("strategy: {max-parallel: 0}"), "5:30", "unexpected-value", "max-parallel"],
  ["no repository in uses", usesStep("foo"), "2:39", "invalid-uses", "'foo'"],
  ["an action without a version", usesStep("actions/checkout"), "2:39", "invalid-uses", "'actions/checkout'"],
  ["a version of this commit", usesStep("$/act@v1"), "2:39", "invalid-uses", "'$/act@v1'"],
  ["an action in place of a workflow", "on: push\njobs: {a: {uses: a/b@v1}}\n", "2:18", "invalid-uses", "'a/b@v1'"],
  ["an image without a name", usesStep("docker://"), "2:39", "invalid-uses", "'docker://'"],
  ["a wait for no step", withStep("id: a\n      - wait: b"), "8:9", "unknown-step", "'b'"],
  [
    "a wait for a later step",
    withStep("id: a\n      - cancel: b\n      - {id: b, run: x}"),
    "8:9",
    "unknown-step",
    "later",
  ],
  ["a wait for a finished step", withStep("id: a\n      - wait: [a]"), "8:9", "not-background", "'a'"],
  ["a wait in a group", withStep("id: a\n      - parallel: [wait-all: ]"), "8:20", "invalid-parallel", "'parallel'"],
  ["a schedule that is none", withTrigger("schedule: [{cron: '61 * * * *'}]"), "1:24", "invalid-cron", "'61'"],
  [
    "an unknown time zone",
    withTrigger("schedule: [{cron: '1 * * * *', timezone: A/B}]"),
    "1:47",
    "unknown-timezone",
    "A/B",
  ],
  [
    "a choice without options",
    withTrigger("workflow_dispatch: {inputs: {a: {type: choice}}}"),
    "1:35",
    "missing-key",
    "'a'",
  ],
  [
    "options of a text",
    withTrigger("workflow_dispatch: {inputs: {a: {options: [x]}}}"),
    "1:39",
    "unexpected-value",
    "'a'",
  ],
  ["a wait that is none", withStep("id: a\n      - wait-all: false"), "8:19", "unexpected-value", "'wait-all'"],
  [
    "background in a group",
    withStep("id: a\n      - parallel: [{run: x, background: true}]"),
    "8:20",
    "invalid-parallel",
    "'background'",
  ],
  [
    "a default of another type",
    withTrigger("workflow_call: {inputs: {a: {type: number, default: x}}}"),
    "1:58",
    "unexpected-value",
    "no number",
  ],
  [
    "a permission that is none",
    `permissions: {contents: all}\n${withJob("env: {}")}`,
    "1:25",
    "unexpected-value",
    "'all'",
  ],
  ["secrets in a condition of a job", withJob("if: secrets.A"), "5:9", "expression", "'secrets'"],
  ["matrix in a condition of a job", withJob("if: matrix.a"), "5:9", "expression", "'matrix'"],
  [
    "env in runs-on",
    "on: push\njobs: {a: {runs-on: '${{ env.A }}', steps: [{run: x}]}}\n",
    "2:22",
    "expression",
    "'env'",
  ],
  ["a key newer than the language", withJob("cache-mode: x"), "5:5", "unknown-key", "'cache-mode'"],
  // What truly cannot be.
  [
    "text around an expression for a map",
    withJob("services: a ${{ fromJSON('{}') }}"),
    "5:15",
    "unsupported",
    "'services'",
  ],
  ["an expression as a key", withStep("env: {'${{ github.sha }}': x}"), "7:15", "unsupported", "key"],
])("%s is refused at its place", (_, text, place, code, message) => {
  const { definition, diagnostics } = parse(text);
  expect(definition).toBeUndefined();
  const errors = diagnostics.filter((one) => one.severity === "error");
  expect(errors.map((one) => [`${one.line}:${one.column}`, one.code])).toContainEqual([place, code]);
  expect(errors.find((one) => one.code === code)).toMatchObject({
    file: PATH,
    message: expect.stringContaining(message),
  });
});

test("an expression deep in a script is found in the file, also where the text is folded", () => {
  const script = "      - run: |\n          one\n\n          two ${{ needs.a }}\n          ${{ nope.b }}\n";
  const folded = "      - run: >-\n          one\n          two ${{ github.sha }}\n          three ${{ nope.b }}\n";
  const head = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n";
  expect(parse(head + script).diagnostics).toMatchObject([{ line: 10, column: 11 }]);
  expect(parse(head + script.replace("nope.b", "github.sha && steps.b.outcome")).diagnostics).toMatchObject([
    { line: 9, column: 19 },
    { line: 10, column: 29 },
  ]);
  expect(parse(head + folded).diagnostics).toMatchObject([{ line: 9, column: 17 }]);
});

test("one mistake does not hide the next", () => {
  const { diagnostics } = parse(`on: push
concurrency: {group: x, queue: many}
jobs:
  a:
    needs: nobody
    runs-on: x
    stepz: []
    steps:
      - run: echo \${{ nope.x }}
        shell: fishy
      - uses: some/action
      - id: same
        run: x
      - id: SAME
        run: x
  b:
    needs: c
    runs-on: x
    steps: [{run: x}]
  c:
    needs: b
    runs-on: x
    steps: [{run: x}]
`);
  expect(diagnostics.map((one) => `${one.line}:${one.code}`)).toEqual([
    "2:unexpected-value",
    "5:unknown-need",
    "7:unknown-key",
    "9:expression",
    "10:unknown-shell",
    "11:invalid-uses",
    "14:duplicate-id",
    "21:cyclic-needs",
  ]);
  expect(diagnostics.every((one) => one.hint !== undefined)).toBe(true);
});

test("anchors and aliases are resolved, merge keys are not part of the language", () => {
  const steps = "on: push\njobs:\n  a: {runs-on: x, env: &env {A: 1}, steps: &steps [{run: make}]}\n";
  const { definition } = parse(`${steps}  b: {runs-on: x, env: *env, steps: *steps}\n`);
  expect(definition?.jobs[1]).toMatchObject({ env: [["A", "1"]], steps: [{ run: "make" }] });
  expect(parse(`${steps}  b: {runs-on: x, env: {<<: *env}, steps: *steps}\n`).definition?.jobs[1]?.env).toBeUndefined();
  expect(parse(`${steps}  b: {<<: *env, runs-on: x, steps: *steps}\n`).diagnostics).toMatchObject([
    { code: "unknown-key", message: expect.stringContaining("merge key"), line: 4, column: 7 },
  ]);
});

test("the triggers of a refused file are known", () => {
  const { definition, triggers } = parse(withJob("shell: x").replace("on: push", "on: {push: {tags: [v*]}}"));
  expect(definition).toBeUndefined();
  expect(triggers).toEqual([{ event: "push", tags: ["v*"] }]);
  expect(parse("on: push\njobs: [").triggers).toBeUndefined();
});

test("what has no effect is named in a warning and the file is accepted", () => {
  const { definition, diagnostics } = parse(withJob("snapshot: image").replace("on: push", "on: [push, issues]"));
  expect(definition).toBeDefined();
  expect(diagnostics.map((one) => `${one.line}:${one.severity}:${one.message}`)).toEqual([
    "1:warning:the event 'issues' has no effect yet",
    "5:warning:'snapshot' has no effect yet",
  ]);
});

test("a condition with text outside of the braces is said to be always true", () => {
  const { definition, diagnostics } = parse(withStep("if: ${{ github.ref }} == 'x'"));
  expect(diagnostics).toMatchObject([{ severity: "warning", code: "always-true", line: 7 }]);
  expect(definition?.jobs[0]?.steps[0]?.condition).toBe("success() && (format('{0} == ''x''', github.ref))");
});

test("what would always be empty is named in a warning", () => {
  const { definition, diagnostics } = parse(`on: push
jobs:
  a:
    runs-on: x
    outputs: {o: "\${{ steps.last.outputs.o }}"}
    strategy: {matrix: {os: [x], include: [{extra: 1}]}}
    steps:
      - run: echo \${{ needs.b.result }} \${{ matrix.OS }} \${{ matrix.extra }} \${{ matrix.arch }}
      - run: echo \${{ steps.last.outcome }}
      - id: last
        if: steps.gone.outcome == 'success'
        run: make
`);
  expect(definition).toBeDefined();
  expect(diagnostics.map((one) => `${one.line}:${one.severity}:${one.message.split("'")[1]}`)).toEqual([
    "8:warning:needs.b",
    "8:warning:matrix.arch",
    "9:warning:steps.last",
    "11:warning:steps.gone",
  ]);
});

test.each([
  ["false", "success() && (false)"],
  ["''", "success()"],
  ["'!cancelled()'", "!cancelled()"],
  ["contains('failure()', 'x')", "success() && (contains('failure()', 'x'))"],
  ["${{ failure() || github.ref == 'x' }}", "failure() || github.ref == 'x'"],
])("if: %s means %s", (written, condition) => {
  expect(parse(withStep(`if: ${written}`)).definition?.jobs[0]?.steps[0]?.condition).toBe(condition);
});

test("limits are named", () => {
  expect(parse(`# ${"x".repeat(FILE_BYTES_MAX)}`).diagnostics).toMatchObject([
    { code: "limit-file", message: expect.stringContaining("512 KiB") },
  ]);
  const list = (count: number) => `[${Array.from({ length: count }, (_, at) => at).join(",")}]`;
  expect(parse(withJob(`strategy: {matrix: {a: ${list(257)}}}`)).diagnostics).toMatchObject([
    { code: "limit-matrix", message: expect.stringContaining(String(MATRIX_COMBINATIONS_MAX)) },
  ]);
  expect(
    parse(withJob(`strategy: {matrix: {a: ${list(1000)}, b: ${list(1000)}, c: ${list(1000)}}}`)).diagnostics,
  ).toMatchObject([{ code: "limit-matrix" }]);
  expect(
    parse(withJob(`strategy: {matrix: {a: ${list(16)}, b: ${list(16)}}}`)).definition?.jobs[0]?.matrix,
  ).toHaveLength(256);
  const jobs = (count: number) =>
    `on: push\njobs:\n${Array.from({ length: count }, (_, at) => `  j${at}: {runs-on: x, steps: [{run: x}]}\n`).join("")}`;
  expect(parse(jobs(JOBS_MAX)).diagnostics).toEqual([]);
  expect(parse(jobs(JOBS_MAX + 2)).diagnostics).toMatchObject([
    { code: "limit-jobs", message: expect.stringContaining("2000"), line: JOBS_MAX + 3 },
  ]);
  const complaints = parse(`on: push\n${Array.from({ length: 300 }, (_, at) => `k${at}: 1\n`).join("")}jobs: {}\n`);
  expect(complaints.diagnostics).toHaveLength(DIAGNOSTICS_MAX);
  expect(complaints.diagnostics.at(-1)?.code).toBe("limit-diagnostics");
  const long = parse(`on: ${"x".repeat(100_000)}\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n`).diagnostics;
  expect(long[0]?.message.length).toBeLessThan(600);
});

test("a script with an expression in it has at most 21,000 characters", () => {
  const script = (length: number, end: string) => `name: x\n      - run: "${"x".repeat(length)}${end}"`;
  expect(parse(withStep(script(22_000, ""))).diagnostics).toEqual([]);
  expect(parse(withStep(script(20_000, "${{ github.sha }}"))).diagnostics).toEqual([]);
  expect(parse(withStep(script(21_000, "${{ github.sha }}"))).diagnostics).toMatchObject([
    { code: "limit-expression", severity: "error", line: 8, message: expect.stringContaining("21000") },
  ]);
});

test("a chain of 2,000 needs is walked and its circle is found", () => {
  const job = (at: number) => `  j${at}: {needs: j${at + 1}, runs-on: x, steps: [{run: x}]}\n`;
  const chain = Array.from({ length: 1_999 }, (_, at) => job(at)).join("");
  const last = "  j1999: {runs-on: x, steps: [{run: x}]}\n";
  expect(parse(`on: push\njobs:\n${chain}${last}`).diagnostics).toEqual([]);
  const circle = parse(`on: push\njobs:\n${chain}${last.replace("{", "{needs: j0, ")}`).diagnostics;
  expect(circle).toMatchObject([{ code: "cyclic-needs", line: 2_002 }]);
});

test("a filter has a bounded number of patterns", () => {
  const file = (count: number) =>
    parseWorkflow({
      path: "a.yml",
      text: `on: {push: {paths: [${Array.from({ length: count }, (_, at) => `p${at}`).join(", ")}]}}\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n`,
    });
  expect(file(1_000).diagnostics).toEqual([]);
  expect(file(1_001).diagnostics).toMatchObject([{ code: "limit-patterns", line: 1, column: 13 }]);
});

test.each([
  ["if: !cancelled()", 4, 9, "!cancelled()"],
  ["if: !github.event.forced", 4, 9, "!github.event.forced"],
  ["name: !important x", 4, 11, "!important"],
])("%s is refused: YAML takes the word after '!' for a type and drops it", (line, at, column, tag) => {
  const { diagnostics, definition } = parseWorkflow({
    path: "a.yml",
    text: `on: push\njobs:\n  a:\n    ${line}\n    runs-on: x\n    steps: [{run: a}]\n`,
  });
  expect(definition).toBeUndefined();
  expect(diagnostics).toContainEqual(
    expect.objectContaining({ code: "yaml", line: at, column, hint: `put the whole value in quotes: "${tag}"` }),
  );
});

test("tags of YAML itself are left alone", () => {
  const { diagnostics } = parseWorkflow({
    path: "a.yml",
    text: "on: push\nenv: {A: !!str 5}\njobs: {a: {runs-on: x, if: '!cancelled()', steps: [{run: a}]}}\n",
  });
  expect(diagnostics).toEqual([]);
});

test.each(["constructor", "__proto__", "toString"])("a key named %s is unknown like any other", (key) => {
  const job = "jobs: {a: {runs-on: x, steps: [{run: a}]}}\n";
  for (const text of [`on: push\n${key}: x\n${job}`, `on: {push: {}, ${key}: {}}\n${job}`]) {
    const { diagnostics } = parseWorkflow({ path: "a.yml", text });
    expect(diagnostics).toMatchObject([{ code: "unknown-key", message: `unknown key '${key}'` }]);
  }
});

test("a queue in which everything waits does not end what runs", () => {
  const file = (how: string) =>
    parseWorkflow({
      path: "a.yml",
      text: `on: push\nconcurrency: {group: g, queue: max, cancel-in-progress: ${how}}\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n`,
    }).diagnostics;
  expect(file("true")).toMatchObject([{ code: "unexpected-value", line: 2, column: 1 }]);
  expect(file("false")).toEqual([]);
});

test("numbers in the file become texts as the language writes them", () => {
  const { definition } = parseWorkflow({
    path: "a.yml",
    text: "on: push\nenv: {A: 12345678901234567890, B: 1.50, C: 0x1F, D: 0.00001}\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n",
  });
  expect(definition?.env).toEqual([
    ["A", "1.23456789012346E+19"],
    ["B", "1.5"],
    ["C", "31"],
    ["D", "1E-05"],
  ]);
});
