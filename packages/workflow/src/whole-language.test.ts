// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import { expect, test } from "vitest";
import { listCalls } from "./list-calls.ts";
import { parseWorkflow } from "./parse-workflow.ts";

function read(text: string) {
  const { definition, diagnostics } = parseWorkflow({ path: "ci.yml", text });
  expect(diagnostics).toEqual([]);
  if (definition === undefined) throw new Error("no definition");
  return definition;
}

const JOBS = "jobs: {a: {runs-on: x, steps: [{run: x}]}}\n";
const triggersOf = (on: string) => read(`on:\n  ${on.trim()}\n${JOBS}`).triggers;
const jobOf = (lines: string) => read(`on: push\njobs:\n  b: {runs-on: x, steps: [{run: x}]}\n  a:\n${lines}`).jobs[1];
const ofJob = (line: string) => jobOf(`    runs-on: x\n    needs: b\n    ${line}\n    steps: [{run: x}]\n`);
const stepsOf = (lines: string) => jobOf(`    runs-on: x\n    steps:\n${lines}`)?.steps;

test("what stands at the top of a file is read", () => {
  expect(
    read(`name: CI
run-name: by \${{ github.actor }}
permissions: {contents: read, id-token: write, issues: none}
concurrency: {group: 'ci-\${{ github.ref }}', cancel-in-progress: "\${{ github.event_name == 'x' }}", queue: max}
on: push
${JOBS}`),
  ).toMatchObject({
    name: "CI",
    runName: "by ${{ github.actor }}",
    permissions: { contents: "read", "id-token": "write", issues: "none" },
    concurrency: {
      group: "ci-${{ github.ref }}",
      cancelInProgress: "${{ github.event_name == 'x' }}",
      queue: "max",
    },
  });
  expect(read(`concurrency: x\npermissions: {}\non: push\n${JOBS}`)).toMatchObject({
    concurrency: { group: "x", queue: "single" },
    permissions: {},
  });
});

test("permissions in one word are those of every scope that has the level", () => {
  const all = read(`permissions: read-all\non: push\n${JOBS}`).permissions;
  expect(all).toMatchObject({ contents: "read", actions: "read", models: "read" });
  expect(all).not.toHaveProperty("id-token");
  expect(read(`permissions: write-all\non: push\n${JOBS}`).permissions).toMatchObject({
    contents: "write",
    "id-token": "write",
    models: "read",
  });
});

test.each<[on: string, trigger: object]>([
  ["pull_request: {types: [opened], branches: main, paths: ['**.ts']}", { types: ["opened"], branches: ["main"] }],
  ["push: {branches: , tags: [v1]}", { event: "push", tags: ["v1"] }],
  ["push:\n    branches:\n    paths-ignore:", { event: "push" }],
  ["workflow_run: {workflows: [CI], types: completed, branches: [main]}", { workflows: ["CI"], branches: ["main"] }],
  ["repository_dispatch: {types: [deploy]}", { types: ["deploy"] }],
  ["release: {types: published}", { types: ["published"] }],
  ["merge_group:", { event: "merge_group" }],
  [
    "schedule: [{cron: '30 5 * * mon-fri', timezone: Europe/Berlin}, {cron: '*/15 * * * *'}]",
    { schedules: [{ cron: "30 5 * * mon-fri", timezone: "Europe/Berlin" }, { cron: "*/15 * * * *" }] },
  ],
])("%s", (on, trigger) => {
  const [read] = triggersOf(on);
  expect(read).toMatchObject(trigger);
  if (on.startsWith("push")) expect(read?.branches).toBeUndefined();
});

test("inputs, outputs and secrets of a file that is started by hand or called", () => {
  expect(
    triggersOf(`workflow_dispatch:
    inputs:
      level: {type: choice, options: [a, 1], default: 1, description: how much, required: true}
      dry: {type: boolean, default: false}
      free: {required: false}
  workflow_call:
    inputs:
      count: {type: number, default: 3}
      name: {type: string, default: '\${{ github.ref }}'}
    outputs: {o: {value: '\${{ jobs.a.result }}', description: x}}
    secrets: {token: {required: true, description: y}, other: }`),
  ).toEqual([
    {
      event: "workflow_dispatch",
      inputs: [
        { name: "level", type: "choice", options: ["a", "1"], default: 1, description: "how much", required: true },
        { name: "dry", type: "boolean", default: false, required: false },
        { name: "free", type: "string", required: false },
      ],
    },
    {
      event: "workflow_call",
      inputs: [
        { name: "count", type: "number", default: 3, required: false },
        { name: "name", type: "string", default: "${{ github.ref }}", required: false },
      ],
      outputs: [["o", "${{ jobs.a.result }}"]],
      secrets: [
        { name: "token", required: true, description: "y" },
        { name: "other", required: false },
      ],
    },
  ]);
});

test.each<[line: string, job: object]>([
  ["permissions: {contents: write}", { permissions: { contents: "write" } }],
  ["concurrency: '${{ github.ref }}'", { concurrency: { group: "${{ github.ref }}", queue: "single" } }],
  ["environment: prod", { environment: { name: "prod" } }],
  ["environment: {name: '${{ github.ref }}', url: https://a}", { environment: { url: "https://a" } }],
  ["container: node:24", { container: { image: "node:24", env: [], ports: [], volumes: [] } }],
  [
    "container: {image: a, env: {A: 1}, ports: [80, '81:82'], volumes: [/a:/b], options: --cpus 1, credentials: {username: u, password: '${{ secrets.P }}'}}",
    {
      container: {
        image: "a",
        env: [["A", "1"]],
        ports: ["80", "81:82"],
        volumes: ["/a:/b"],
        options: "--cpus 1",
        credentials: { username: "u", password: "${{ secrets.P }}" },
      },
    },
  ],
  ["container: '${{ github.sha }}'", { container: { image: "${{ (github.sha).image || (github.sha) }}" } }],
  [
    "services: {db: {image: pg, command: run, entrypoint: /e}, cache: redis}",
    {
      services: [
        { name: "db", image: "pg", command: "run", entrypoint: "/e" },
        { name: "cache", image: "redis" },
      ],
    },
  ],
  ["strategy: {fail-fast: '${{ github.ref != 1 }}'}", { strategy: { failFast: "${{ github.ref != 1 }}" } }],
  ["strategy: {max-parallel: '${{ needs.b.result }}'}", { strategy: { maxParallel: "${{ needs.b.result }}" } }],
  [
    "strategy: {matrix: {os: [a, '${{ github.ref }}'], n: [1, true]}}",
    { matrix: [{}], matrixTemplate: { os: ["a", "${{ github.ref }}"], n: [1, true] } },
  ],
  [
    "strategy: {matrix: '${{ fromJSON(needs.b.result) }}'}",
    { matrix: [{}], matrixTemplate: "${{ fromJSON(needs.b.result) }}" },
  ],
  ["strategy: {matrix: {a: \"${{ fromJSON('[1, 2]') }}\"}}", { matrix: [{ a: 1 }, { a: 2 }] }],
  [
    "strategy: ${{ fromJSON(github.ref) }}",
    {
      matrixTemplate: "${{ (fromJSON(github.ref)).matrix }}",
      strategy: {
        failFast: "${{ toJSON((fromJSON(github.ref)).fail-fast) != 'false' }}",
        maxParallel: "${{ (fromJSON(github.ref)).max-parallel || 256 }}",
      },
    },
  ],
  ["timeout-minutes: '${{ fromJSON(github.ref) }}'", { timeoutMinutes: "${{ fromJSON(github.ref) }}" }],
])("a job with %s", (line, job) => {
  expect(ofJob(line)).toMatchObject(job);
});

test("runs-on asks for labels, for a group, or for both", () => {
  const runsOn = (written: string) => jobOf(`    runs-on: ${written}\n    steps: [{run: x}]\n`);
  expect(runsOn("{group: big, labels: [linux, gpu]}")).toMatchObject({ runsOnGroup: "big", runsOn: ["linux", "gpu"] });
  expect(runsOn("{group: big}")).toMatchObject({ runsOnGroup: "big", runsOn: [] });
  expect(runsOn("'${{ fromJSON(github.ref) }}'")).toMatchObject({ runsOn: ["${{ fromJSON(github.ref) }}"] });
});

test("a job that is another workflow", () => {
  const job = jobOf(`    uses: ./.github/workflows/x.yml
    needs: b
    strategy: {matrix: {v: [1, 2]}}
    with: {n: 1, yes: true, text: a, made: '\${{ matrix.v }}'}
    secrets: {token: '\${{ secrets.T }}'}
`);
  expect(job).toMatchObject({
    runsOn: [],
    steps: [],
    matrix: [{ v: 1 }, { v: 2 }],
    call: {
      uses: "./.github/workflows/x.yml",
      with: [
        ["n", 1],
        ["yes", true],
        ["text", "a"],
        ["made", "${{ matrix.v }}"],
      ],
      secrets: [["token", "${{ secrets.T }}"]],
    },
  });
  const others = ["a/b/.github/workflows/x.yml@v1", "$/.github/workflows/y.yaml", "a/b/.github/workflows/x.yml@v1"];
  const definition = read(
    `on: push\njobs:\n${others.map((uses, at) => `  j${at}: {uses: ${uses}, secrets: inherit}\n`).join("")}`,
  );
  expect(definition.jobs[0]?.call).toMatchObject({ uses: others[0], with: [], secrets: "inherit" });
  expect(listCalls(definition)).toEqual(others.slice(0, 2));
});

test("steps in the background, waited for and ended", () => {
  expect(
    stepsOf(`      - {id: one, run: x, background: true}
      - {id: two, uses: ./act, background: true}
      - {wait: [one, TWO], name: both, continue-on-error: true}
      - wait: one
      - cancel: two
      - wait-all:
`),
  ).toMatchObject([
    { kind: "run", id: "one", background: true },
    { kind: "uses", id: "two", background: true },
    { kind: "wait", targets: ["one", "TWO"], name: "both", continueOnError: "true", condition: "always()" },
    { kind: "wait", targets: ["one"] },
    { kind: "cancel", target: "two", condition: "always()" },
    { kind: "wait", targets: "all" },
  ]);
});

test("parallel steps become background steps and a wait for exactly them", () => {
  expect(
    stepsOf(`      - run: before
      - parallel:
          - {id: mine, run: a}
          - {uses: a/b@v1}
      - parallel: [{run: c}]
`),
  ).toMatchObject([
    { kind: "run", run: "before" },
    { kind: "run", id: "mine", background: true },
    { kind: "uses", id: "__parallel_1_2", background: true },
    { kind: "wait", targets: ["mine", "__parallel_1_2"], condition: "always()", position: { line: 8 } },
    { kind: "run", id: "__parallel_2_1", background: true },
    { kind: "wait", targets: ["__parallel_2_1"] },
  ]);
});

test("actions are taken as they are written, with all their inputs", () => {
  expect(
    stepsOf("      - {uses: $/act, with: {A b: 1, submodules: recursive}}\n      - uses: docker://alpine:3\n"),
  ).toMatchObject([
    {
      uses: "$/act",
      with: [
        ["A b", "1"],
        ["submodules", "recursive"],
      ],
    },
    { uses: "docker://alpine:3", with: [] },
  ]);
});
