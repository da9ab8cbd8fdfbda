// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import { expect, test } from "vitest";
import { parseAction } from "./parse-action.ts";

const parse = (text: string) => parseAction({ path: "act/action.yml", text });

test("a composite action", () => {
  const { definition, diagnostics } = parse(`name: Build
inputs:
  level: {description: how much, default: 3, required: true}
  old: {deprecationMessage: use level}
  bare:
outputs:
  made: {description: x, value: '\${{ steps.one.outputs.made }}'}
branding: {color: black}
future-key: 1
runs:
  using: composite
  steps:
    - id: one
      run: echo \${{ inputs.level }}
      shell: bash
      if: always()
    - uses: ./other
      with: {a: 1}
      continue-on-error: true
`);
  expect(diagnostics).toEqual([]);
  expect(definition).toEqual({
    name: "Build",
    inputs: [
      { name: "level", default: "3", required: true },
      { name: "old", deprecation: "use level", required: false },
      { name: "bare", required: false },
    ],
    outputs: [{ name: "made", value: "${{ steps.one.outputs.made }}" }],
    runs: {
      kind: "composite",
      steps: [
        {
          kind: "run",
          id: "one",
          run: "echo ${{ inputs.level }}",
          shell: "bash",
          condition: "always()",
          env: [],
          position: { line: 13, column: 7 },
        },
        {
          kind: "uses",
          uses: "./other",
          with: [["a", "1"]],
          continueOnError: "true",
          condition: "success()",
          env: [],
          position: { line: 17, column: 7 },
        },
      ],
    },
  });
});

test("a JavaScript action, without a name", () => {
  const { definition, diagnostics } = parse(
    "outputs: {o: {description: x}, p: }\nruns: {using: node20, main: dist/a.js, post: dist/b.js, post-if: success()}\n",
  );
  expect(diagnostics).toEqual([]);
  expect(definition).toEqual({
    name: "act/action.yml",
    inputs: [],
    outputs: [{ name: "o" }, { name: "p" }],
    runs: {
      kind: "javascript",
      using: "node20",
      main: "dist/a.js",
      post: "dist/b.js",
      preCondition: "always()",
      postCondition: "success()",
    },
  });
});

test("a docker action", () => {
  const { definition, diagnostics } = parse(
    "inputs: {a: {}}\nruns:\n  using: docker\n  image: Dockerfile\n  args: ['${{ inputs.a }}', -v]\n  env: {A: '${{ inputs.a }}'}\n  post-entrypoint: /end\n  pre-if: runner.os == 'Linux'\n",
  );
  expect(diagnostics).toEqual([]);
  expect(definition?.runs).toEqual({
    kind: "docker",
    image: "Dockerfile",
    args: ["${{ inputs.a }}", "-v"],
    env: [["A", "${{ inputs.a }}"]],
    postEntrypoint: "/end",
    preCondition: "runner.os == 'Linux'",
    postCondition: "always()",
  });
});

test.each<[what: string, text: string, place: string, code: string]>([
  ["no runs", "name: x\n", "1:1", "missing-key"],
  ["an empty file", "", "1:1", "empty-file"],
  ["broken YAML", "runs: {", "1:7", "yaml"],
  ["an unknown runtime", "runs: {using: deno, main: x}\n", "1:15", "unsupported"],
  ["no main", "runs: {using: node20, pre: x}\n", "1:7", "missing-key"],
  ["steps of a JavaScript action", "runs: {using: composite, main: x}\n", "1:1", "missing-key"],
  ["a step without a shell", "runs: {using: composite, steps: [{run: x}]}\n", "1:34", "missing-key"],
  ["an unknown key of a step", "runs: {using: composite, steps: [{uses: ./a, needs: x}]}\n", "1:46", "unknown-key"],
  ["secrets", "runs: {using: composite, steps: [{run: '${{ secrets.A }}', shell: sh}]}\n", "1:41", "expression"],
  ["an unknown shell", "runs: {using: composite, steps: [{run: x, shell: nope}]}\n", "1:50", "unknown-shell"],
  ["bad uses", "runs: {using: composite, steps: [{uses: nope}]}\n", "1:41", "invalid-uses"],
  [
    "an id twice",
    "runs: {using: composite, steps: [{id: a, uses: ./a}, {id: A, uses: ./a}]}\n",
    "1:55",
    "duplicate-id",
  ],
])("%s is refused at its place", (_, text, place, code) => {
  const { definition, diagnostics } = parse(text);
  expect(definition).toBeUndefined();
  expect(diagnostics.map((one) => [`${one.line}:${one.column}`, one.code])).toContainEqual([place, code]);
});

test("names that do not exist are warned of", () => {
  const { definition, diagnostics } = parse(
    "outputs: {o: {value: '${{ steps.b.outputs.x }}'}}\nruns: {using: composite, steps: [{id: a, run: '${{ inputs.c }}', shell: sh}]}\n",
  );
  expect(definition).toBeDefined();
  expect(diagnostics.map((one) => `${one.line}:${one.column}:${one.code}`)).toEqual([
    "1:27:unknown-reference",
    "2:52:unknown-reference",
  ]);
});
