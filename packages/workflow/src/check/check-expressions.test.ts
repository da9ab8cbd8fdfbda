// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import { expect, test } from "vitest";
import { parseWorkflow } from "../parse-workflow.ts";

function warningsOf(text: string): string[] {
  const { definition, diagnostics } = parseWorkflow({ path: "ci.yml", text });
  expect(definition).toBeDefined();
  return diagnostics.map(({ line, column, code, message }) => {
    const name = message.split("'")[1] ?? "";
    // The place is that of the name itself.
    const there = text.split("\n")[line - 1]?.slice(column - 1);
    expect(there?.slice(0, name.indexOf(".") + 1)).toBe(name.slice(0, name.indexOf(".") + 1));
    return `${line} ${code} ${name}`;
  });
}

const HEAD = `on:
  workflow_dispatch: {inputs: {level: {}}}
  workflow_call:
    inputs: {name: {type: string}}
    outputs: {o: {value: '\${{ jobs.gone.outputs.x }}\${{ jobs.b.outputs.y }}\${{ jobs.b.outputs.x }}'}}
`;

test("names that do not exist where they are read are found, each at its place", () => {
  expect(
    warningsOf(`${HEAD}run-name: \${{ inputs.LEVEL }} \${{ inputs.nope }} \${{ inputs.name }}
jobs:
  b: {runs-on: x, outputs: {x: 1}, steps: [{run: x}]}
  c: {uses: ./.github/workflows/x.yml}
  a:
    needs: [b, c]
    runs-on: x
    name: \${{ needs.b.outputs.X }} \${{ needs.b.outputs.y }} \${{ needs.c.outputs.z }} \${{ needs.b.output.x }}
    environment: {name: e, url: '\${{ steps.last.outputs.u }}\${{ steps.gone.outputs.u }}'}
    steps:
      - parallel:
          - {id: one, run: x}
          - {id: two, run: 'echo \${{ steps.one.outputs.a }}'}
      - run: |
          first \${{ github.sha }}

          second \${{ steps.one.outputs.a }} \${{ matrix.os }}\t\${{ github.refname }} \${{ runner.cpu }}
        if: steps.two.outcome != steps.later.outcome
      - {id: last, run: x, if: "\${{ steps.last.conclusion && steps.one.result }}"}
`),
  ).toEqual([
    "5 unknown-reference jobs.gone",
    "5 unknown-reference jobs.b.outputs.y",
    "6 unknown-reference inputs.nope",
    "13 unknown-reference needs.b.outputs.y",
    "13 unknown-reference needs.b.output",
    "14 unknown-reference steps.gone",
    "18 unknown-reference steps.one",
    "22 unknown-reference matrix.os",
    "22 unknown-reference github.refname",
    "22 unknown-reference runner.cpu",
    "23 unknown-reference steps.later",
    "24 unknown-reference steps.last",
    "24 unknown-reference steps.one.result",
  ]);
});

test.each<[expression: string, isWarned: boolean]>([
  ["github.event.pull_request.title", true],
  ["github.head_ref", true],
  ["GITHUB.Event.Comment['body']", true],
  ["format('x {0}', github.event.issue.title)", true],
  ["github.ref == 'x' && github.head_ref", true],
  ["github.head_ref || github.ref", true],
  ["github.event.commits.*.message", true],
  ["github.event.commits[0].author.name", true],
  ["join(github.event.commits.*.message, ',')", true],
  ["toJSON(github.event)", true],
  ["github.event.pull_request.number", false],
  ["github.sha", false],
  ["github.ref_name", false],
  ["contains(github.event.issue.title, 'x')", false],
  ["github.head_ref == 'main'", false],
  ["!github.head_ref", false],
  ["github.head_ref && 'a' || 'b'", false],
  ["steps.github.outputs.head_ref", false],
])("${{ %s }} in a script is warned of: %s", (expression, isWarned) => {
  const step = `      - id: github\n        run: x\n      - run: |\n          echo\n          echo \${{ ${expression} }}\n`;
  const text = `on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n${step}`;
  const { diagnostics } = parseWorkflow({ path: "ci.yml", text });
  expect(diagnostics.map((one) => [one.code, one.line])).toEqual(isWarned ? [["script-injection", 10]] : []);
  if (isWarned) expect(diagnostics[0]?.hint).toMatch(/env: \{\w+: \$\{\{ .* \}\}\}/);
});

test("foreign text is safe in the environment and in inputs, and warned of in the script of an action", () => {
  const steps = `      - run: echo "$T"
        env: {T: '\${{ github.head_ref }}'}
      - uses: a/b@v1
        with: {script: '\${{ github.head_ref }}'}
      - uses: actions/github-script@v7
        with: {script: "console.log('\${{ github.head_ref }}')"}
`;
  expect(warningsOf(`on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n${steps}`)).toEqual([
    "11 script-injection github.head_ref",
  ]);
});

test("commands that files have replaced are warned of", () => {
  const steps =
    "      - run: echo ::set-output name=a::b\n      - run: |\n          echo '::add-path::${{ github.sha }}'\n";
  const text = `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n${steps}      - run: echo set-output ::error::x\n`;
  const { diagnostics } = parseWorkflow({ path: "ci.yml", text });
  expect(diagnostics.map((one) => `${one.line}:${one.column} ${one.severity} ${one.code} ${one.message}`)).toEqual([
    "6:14 warning deprecated-command the command 'set-output' is deprecated",
    "7:14 warning deprecated-command the command 'add-path' is refused",
  ]);
});
