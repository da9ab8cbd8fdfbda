// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import { expect, test } from "vitest";
import { define, jobOf, scopeOf } from "../test/workflow-kit.ts";
import { evaluateTemplate } from "./evaluate.ts";
import { insertEntries } from "./insert-entries.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import { buildPlan } from "./plan/build-plan.ts";
import { FACTS } from "./run-facts.fixture.ts";

const evaluated = (map: Parameters<typeof insertEntries>[0], contexts: Record<string, never> | object) =>
  insertEntries(map, () => ({ ...contexts })).map(([name, template]) => [name, evaluateTemplate(template, {})]);

test("an expression may stand in place of env or with, or among their entries", () => {
  const definition = define(`
on: push
env: \${{ fromJSON(vars.ENV) }}
jobs:
  a:
    runs-on: x
    strategy: {matrix: {env: [{A: 1, B: true}, {A: 2}]}}
    env: \${{ matrix.env }}
    steps:
      - run: make
        env:
          FIRST: 1
          \${{ insert }}: \${{ matrix.env }}
      - uses: a/b@v1
        with: \${{ fromJSON(env.WITH) }}
`);
  const job = jobOf(definition, "a");
  expect(definition.env).toEqual([["${{ insert }}", "${{ fromJSON(vars.ENV) }}"]]);
  expect(job.steps).toMatchObject([
    {
      env: [
        ["FIRST", "1"],
        ["${{ insert }}", "${{ matrix.env }}"],
      ],
    },
    { with: [["${{ insert }}", "${{ fromJSON(env.WITH) }}"]] },
  ]);
  const place = { matrix: job.matrix[0] ?? {}, jobIndex: 0, jobTotal: 2, needs: [] };
  const plan = buildPlan({
    scope: scopeOf(definition),
    vars: {},
    job,
    ...place,
    facts: FACTS,
    name: "a",
    timeoutMs: 1,
  });
  expect(plan.env).toEqual([
    ["${{ insert }}", "${{ fromJSON(vars.ENV) }}"],
    ["${{ insert }}", "${{ matrix.env }}"],
  ]);
  expect(evaluated(plan.env.slice(1), { matrix: { env: { A: 1, B: true } } })).toEqual([
    ["A", "1"],
    ["B", "true"],
  ]);
});

test("what is inserted is text, whatever is in it; nothing is an empty map", () => {
  const map = [
    ["A", "a"],
    ["${{ insert }}", "${{ matrix.env }}"],
    ["Z", "z"],
  ] as const;
  const env = { X: "it's ${{ github.token }}", N: 1e21, E: null, __proto__x: "p" };
  expect(evaluated(map, { matrix: { env } })).toEqual([
    ["A", "a"],
    ["X", "it's ${{ github.token }}"],
    ["N", "1E+21"],
    ["E", ""],
    ["__proto__x", "p"],
    ["Z", "z"],
  ]);
  expect(evaluated(map, { matrix: null })).toEqual([
    ["A", "a"],
    ["Z", "z"],
  ]);
  expect(() => evaluated(map, { matrix: { env: ["a"] } })).toThrow("must give a map");
  expect(() => evaluated(map, { matrix: { env: { A: { b: 1 } } } })).toThrow("'A' of the map must be a text");
});

test("another expression cannot be a key", () => {
  const text = "on: push\njobs: {a: {runs-on: x, env: {'${{ github.ref }}': 1}, steps: [{run: a}]}}\n";
  expect(parseWorkflow({ path: "a.yml", text }).diagnostics.map((one) => one.code)).toContain("unsupported");
});
