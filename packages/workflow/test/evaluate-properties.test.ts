// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import type { Value } from "@windrow/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateCondition, evaluateTemplate, evaluateValue } from "../src/evaluate.ts";
import { ExpressionFailure } from "../src/expression-failure.ts";
import { formatNumber } from "../src/format-number.ts";
import { evaluateTree, type Operator, type Tree, writeTree } from "./reference-evaluator.ts";

/** Numbers that every way of writing them gives back: what differs in the last digits is another test's business. */
const numbers = fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.constantFrom(0.5, -2.25, 1e6, 0));
const texts = fc.oneof(
  fc.constantFrom("", " ", "0", "1", "-1", "1.5", "0x1F", "0o17", "0b11", "true", "false", "null", "NaN", "abc", "ABC"),
  fc.constantFrom("it's", "''", "}}", "a b", "ä", "Ä", "ı", "refs/heads/main", "REFS/HEADS/", "1e3", "Infinity"),
  fc.string({ unit: fc.constantFrom("a", "A", "b", "0", "1", ".", "'", " ", "-", "{", "}"), maxLength: 6 }),
);
const simple = fc.oneof(fc.constant(null), fc.boolean(), numbers, texts);
const matrices: fc.Arbitrary<{ readonly [name: string]: Value }> = fc.record({
  x: simple,
  y: simple,
  list: fc.array(simple, { maxLength: 4 }),
  map: fc.dictionary(fc.constantFrom("a", "constructor", "toString"), simple),
});

const { tree: trees } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    simple.map((value): Tree => ({ kind: "literal", value })),
    fc.constantFrom("x", "y", "list", "map", "absent").map((name): Tree => ({ kind: "context", name })),
    tie("tree").map((of): Tree => ({ kind: "not", of })),
    fc
      .tuple(fc.constantFrom<Operator>("==", "!=", "<", "<=", ">", ">=", "&&", "||"), tie("tree"), tie("tree"))
      .map(([operator, left, right]): Tree => ({ kind: "binary", operator, left, right })),
    fc
      .tuple(fc.constantFrom("contains" as const, "startsWith" as const, "endsWith" as const), tie("tree"), tie("tree"))
      .map(([name, left, right]): Tree => ({ kind: "call", name, args: [left, right] })),
    fc
      .tuple(fc.constantFrom("x", "list", "map"), tie("tree"))
      .map(([list, separator]): Tree => ({ kind: "join", list, separator })),
  ),
}));

/** Lists and maps equal only themselves, which a tree of values cannot say. */
function comparesWholes(tree: Tree): boolean {
  const isWhole = (one: Tree): boolean =>
    (one.kind === "context" && (one.name === "list" || one.name === "map")) ||
    (one.kind === "binary" && (isWhole(one.left) || isWhole(one.right)));
  if (tree.kind === "binary") {
    const compares = tree.operator !== "&&" && tree.operator !== "||";
    if (compares && isWhole(tree.left) && isWhole(tree.right)) return true;
    return comparesWholes(tree.left) || comparesWholes(tree.right);
  }
  if (tree.kind === "not") return comparesWholes(tree.of);
  if (tree.kind === "call") return tree.args.some(comparesWholes);
  return tree.kind === "join" && comparesWholes(tree.separator);
}

describe("the evaluator", () => {
  it("agrees with a plain reading of the documentation on operators, coercions and functions", () => {
    fc.assert(
      fc.property(trees, matrices, (tree, matrix) => {
        fc.pre(!comparesWholes(tree));
        const written = writeTree(tree);
        expect(evaluateValue(`\${{ ${written} }}`, { matrix }), written).toEqual(evaluateTree(tree, matrix));
      }),
      { numRuns: 3_000 },
    );
  });

  it("gives back every value through toJSON and fromJSON, whatever its keys are called", () => {
    const values = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes("-0"));
    fc.assert(
      fc.property(values, (value) => {
        const matrix = JSON.parse(JSON.stringify({ value, dup: null }));
        fc.pre(!hasKeysByCaseAlone(value as Value));
        expect(evaluateValue("${{ fromJSON(toJSON(matrix.value)) }}", { matrix })).toEqual(matrix.value);
      }),
    );
  });

  it("puts any value into a text as format does, with braces and quotes kept", () => {
    fc.assert(
      fc.property(texts, simple, (text, value) => {
        const matrix = { text, value };
        const pattern = `${text.replaceAll("{", "{{").replaceAll("}", "}}")}{0}|{0}`.replaceAll("'", "''");
        expect(evaluateTemplate(`\${{ format('${pattern}', matrix.value) }}`, { matrix })).toBe(
          evaluateTemplate("${{ matrix.text }}${{ matrix.value }}|${{ matrix.value }}", { matrix }),
        );
      }),
    );
  });

  it("takes env by its exact name and every other context without case", () => {
    const names = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
    fc.assert(
      fc.property(fc.dictionary(names, fc.string(), { minKeys: 1 }), (env) => {
        for (const [name, value] of Object.entries(env)) {
          expect(evaluateTemplate(`\${{ env.${name} }}`, { env })).toBe(value);
          const other = name.toUpperCase() === name ? name.toLowerCase() : name.toUpperCase();
          if (other !== name && !Object.hasOwn(env, other)) {
            expect(evaluateTemplate(`\${{ env.${other} }}`, { env })).toBe("");
            expect(evaluateTemplate(`\${{ vars.${other} }}`, { vars: { [name]: value } })).toBe(value);
          }
        }
      }),
    );
  });

  it("ends any text that is no expression with a sentence, never otherwise", () => {
    const noise = fc.string({
      unit: fc.constantFrom("a", "(", ")", "[", "]", ".", "*", "'", ",", "!", "=", "&", "|", "1", " ", "matrix", "<"),
      maxLength: 12,
    });
    fc.assert(
      fc.property(noise, (text) => {
        try {
          evaluateCondition(text, { matrix: { a: [1, { b: 2 }] } });
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionFailure);
          expect((error as ExpressionFailure).message).toMatch(/\S/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("writes numbers so that they can be read again, to 15 digits", () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, min: -1e300, max: 1e300 }).filter((one) => one === 0 || Math.abs(one) > 1e-290),
        (number) => {
          const read = Number(formatNumber(number));
          expect(Math.abs(read - number)).toBeLessThanOrEqual(Math.abs(number) * 1e-14);
        },
      ),
    );
  });
});

function hasKeysByCaseAlone(value: Value): boolean {
  if (value === null || typeof value !== "object") return false;
  const keys = Object.keys(value).map((key) => key.toLowerCase());
  return new Set(keys).size < keys.length || Object.values(value).some(hasKeysByCaseAlone);
}

describe("limits of what an expression may come to", () => {
  const nest = (depth: number, inner: string, wrap: (inner: string) => string): string =>
    depth === 0 ? inner : nest(depth - 1, wrap(inner), wrap);

  it.each([
    ["nested format", nest(30, "'0123456789'", (inner) => `format('{0}{0}{0}', ${inner})`)],
    ["nested toJSON", nest(40, "'\"'", (inner) => `toJSON(${inner})`)],
    ["join with a large separator", "join(matrix.many, matrix.large)"],
    ["format with a large value many times", `format('${"{0}".repeat(3_000)}', matrix.large)`],
  ])("%s ends at a named limit", (_, expression) => {
    const matrix = { many: Array.from({ length: 1_000 }, () => "x"), large: "y".repeat(100_000) };
    expect(() => evaluateTemplate(`\${{ ${expression} }}`, { matrix })).toThrow("more than 10485760 characters");
  });

  it("a text of many expressions, and a deep value, end at a named limit", () => {
    const matrix = { large: "y".repeat(1_000_000), deep: `${"[".repeat(101)}${"]".repeat(101)}` };
    expect(() => evaluateTemplate("${{ matrix.large }}".repeat(11), { matrix })).toThrow(ExpressionFailure);
    expect(() => evaluateValue("${{ fromJSON(matrix.deep) }}", { matrix })).toThrow("more than 100 deep");
    expect(evaluateValue('${{ fromJSON(\'["[[[[\\"["]\') }}', {})).toEqual(['[[[["[']);
  });
});
