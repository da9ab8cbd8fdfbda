// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import type { MatrixCombination, Value } from "@windrow/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expandMatrix, type MatrixVector } from "../src/expand-matrix.ts";
import { evaluateMatrix } from "../src/plan/evaluate-matrix.ts";

const words = fc.constantFrom("a", "b", "c", "d");
const names = fc.constantFrom("os", "node", "extra", "more");
const vectors = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("os", "node", "arch"),
    values: fc.uniqueArray(words, { minLength: 1, maxLength: 3 }),
  }),
  { selector: (vector) => vector.name, maxLength: 3 },
);
const entries = fc.array(fc.dictionary(names, words, { minKeys: 1, maxKeys: 3 }), { maxLength: 5 });

/** The documented order, written down plainly: one list, changed step by step. */
function expandPlainly(all: readonly MatrixVector[], include: MatrixCombination[], exclude: MatrixCombination[]) {
  const keys = all.map((vector) => vector.name);
  let rows: { original: MatrixCombination; now: Record<string, Value> }[] =
    all.length === 0 ? [] : [{ original: {}, now: {} }];
  for (const { name, values } of all) {
    rows = rows.flatMap(({ original }) =>
      values.map((value) => ({ original: { ...original, [name]: value }, now: { ...original, [name]: value } })),
    );
  }
  rows = rows.filter(
    ({ original }) => !exclude.some((one) => Object.entries(one).every(([k, v]) => original[k] === v)),
  );
  const news: MatrixCombination[] = [];
  for (const one of include) {
    const fits = rows.filter(({ original }) =>
      Object.entries(one).every(([key, value]) => !keys.includes(key) || original[key] === value),
    );
    for (const row of fits) Object.assign(row.now, one);
    if (fits.length === 0) news.push(one);
  }
  return [...rows.map((row) => row.now), ...news];
}

describe("the expansion of a matrix", () => {
  it("is what the documented steps give, in their order", () => {
    fc.assert(
      fc.property(vectors, entries, entries, (all, include, exclude) => {
        expect(expandMatrix({ vectors: all, include, exclude })).toEqual(expandPlainly(all, include, exclude));
      }),
      { numRuns: 1_000 },
    );
  });

  it("never loses or changes an original value, whatever is included", () => {
    fc.assert(
      fc.property(vectors, entries, (all, include) => {
        const plain = expandMatrix({ vectors: all, include: [], exclude: [] }) ?? [];
        const rows = expandMatrix({ vectors: all, include, exclude: [] }) ?? [];
        for (const [at, original] of plain.entries()) expect(rows[at]).toMatchObject(original);
      }),
    );
  });

  it("is the same when the whole matrix is computed", () => {
    fc.assert(
      fc.property(vectors, entries, (all, include) => {
        const matrix = { ...Object.fromEntries(all.map(({ name, values }) => [name, values])), include };
        const expected = expandMatrix({ vectors: all, include, exclude: [] }) ?? [];
        fc.pre(expected.length > 0);
        const contexts = { needs: { a: { outputs: { m: JSON.stringify(matrix) } } } };
        expect(evaluateMatrix("${{ fromJSON(needs.a.outputs.m) }}", contexts)).toEqual(expected);
      }),
    );
  });
});

describe("a matrix that is computed", () => {
  const needs = {
    a: {
      outputs: {
        nodes: '["18", 20]',
        include: '[{"node": 22, "experimental": true}]',
        none: "[]",
        text: "hello",
        list: "[1]",
        large: JSON.stringify(Array.from({ length: 257 }, (_, at) => at)),
        limit: JSON.stringify(Array.from({ length: 256 }, (_, at) => at)),
      },
    },
  };
  const evaluate = (matrix: Value) => evaluateMatrix(matrix, { needs });

  it.each<[string, Value, MatrixCombination[]]>([
    ["one variable", { node: "${{ fromJSON(needs.a.outputs.nodes) }}" }, [{ node: "18" }, { node: 20 }]],
    [
      "a variable beside a written one",
      { os: ["x", "y"], node: "${{ fromJSON(needs.a.outputs.nodes) }}" },
      [
        { os: "x", node: "18" },
        { os: "x", node: 20 },
        { os: "y", node: "18" },
        { os: "y", node: 20 },
      ],
    ],
    ["include alone", { include: "${{ fromJSON(needs.a.outputs.include) }}" }, [{ node: 22, experimental: true }]],
    ["a value inside a list", { v: ["${{ needs.a.outputs.text }}", 1] }, [{ v: "hello" }, { v: 1 }]],
    ["exclude", { node: "${{ fromJSON(needs.a.outputs.nodes) }}", exclude: [{ node: "${{ 20 }}" }] }, [{ node: "18" }]],
    ["an include that came out empty", { v: [1], include: "${{ needs.a.outputs.absent }}" }, [{ v: 1 }]],
  ])("%s", (_, matrix, expected) => {
    expect(evaluate(matrix)).toEqual(expected);
  });

  it.each<[string, Value, string]>([
    ["no values", { node: "${{ fromJSON(needs.a.outputs.none) }}" }, "'node' of the matrix has no values"],
    ["nothing at all", "${{ needs.a.outputs.absent }}", "must be a map"],
    ["a list in place of a map", "${{ fromJSON(needs.a.outputs.list) }}", "must be a map"],
    ["a text in place of a list", { node: "${{ needs.a.outputs.text }}" }, "'node' of the matrix must be a list"],
    ["an include of other things", { include: "${{ fromJSON(needs.a.outputs.list) }}" }, "list of maps"],
    ["no combination", { include: "${{ fromJSON(needs.a.outputs.none) }}" }, "no combination"],
    ["too many", { n: "${{ fromJSON(needs.a.outputs.large) }}" }, "more than 256 combinations"],
    ["what is no JSON", { n: "${{ fromJSON(needs.a.outputs.text) }}" }, "not JSON"],
  ])("with %s fails with a sentence", (_, matrix, words) => {
    expect(() => evaluate(matrix)).toThrow(words);
  });

  it("may have 256 combinations", () => {
    expect(evaluate({ n: "${{ fromJSON(needs.a.outputs.limit) }}" })).toHaveLength(256);
  });
});
