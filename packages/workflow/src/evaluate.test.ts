// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of the workflow language.
import type { Value } from "@windrow/model";
import { expect, test } from "vitest";
import { evaluateCondition, evaluateTemplate, evaluateValue } from "./evaluate.ts";
import { ExpressionFailure } from "./expression-failure.ts";

const contexts = {
  github: { ref: "refs/heads/main", event: { commits: [{ id: 1 }, { id: 2 }], constructor: "kept" } },
  env: { Foo: "1", FOO: "2" },
  matrix: { node: 20, os: ["a", "b"], odd: "it's" },
  needs: {},
};

test.each<[string, Value]>([
  ["${{ github.REF }}", "refs/heads/main"],
  ["${{ env.Foo }}${{ env.FOO }}", "12"],
  ["${{ env.foo }}", null],
  ["${{ github.nothing.at.all }}", null],
  ["${{ runner.os }}", null],
  ["${{ matrix.node }}", 20],
  ["v${{ matrix.node }}", "v20"],
  ["${{ matrix.os }}", ["a", "b"]],
  ["${{ matrix.os[1] }}", "b"],
  ["${{ github.event.commits.*.id }}", [1, 2]],
  ["${{ github.event.constructor }}", "kept"],
  ["${{ github.event == github.event }}", true],
  ["${{ 'A' == 'a' }}", true],
  ["${{ '' == 0 }}", true],
  ["${{ null == '' }}", true],
  ["${{ 'x' > 1 }}", false],
  ["${{ matrix.missing || 'default' }}", "default"],
  ["${{ matrix.node > 18 && 'new' || 'old' }}", "new"],
  ["${{ !needs.build }}", true],
  ["${{ 1.2e19 }}", 1.2e19],
  ["${{ 1.2e19 }}!", "1.2E+19!"],
  ["n${{ 0.1 }} ${{ -0 }} ${{ 0x1F }} ${{ NaN }}", "n0.1 0 31 NaN"],
  ["${{ contains(matrix.os, 'B') }}", true],
  ["${{ contains('Hello', 'ell') }}", true],
  ["${{ startsWith(github.ref, 'REFS/') }}", true],
  ["${{ endsWith(github.ref, 'main') }}", true],
  ["${{ format('{0} {{x}} {1}', 'a', matrix.odd) }}", "a {x} it's"],
  ["${{ join(matrix.os, '+') }}", "a+b"],
  ["${{ toJSON(matrix.os) }}", '[\n  "a",\n  "b"\n]'],
  ["${{ fromJSON('{\"constructor\":[1,true,null]}').constructor }}", [1, true, null]],
  ["${{ case(false, 1, true, 2, 3) }}", 2],
  ["${{ 'it''s ''quoted'' }}' }}", "it's 'quoted' }}"],
  ["echo 'a' ${{ 'b' }} {0} }}", "echo 'a' b {0} }}"],
  ["no expression $", "no expression $"],
])("%s is %j", (template, value) => {
  expect(evaluateValue(template, contexts)).toEqual(value);
});

test("a template is always text", () => {
  expect(evaluateTemplate("${{ matrix.os }}", contexts)).toBe("Array");
  expect(evaluateTemplate("${{ needs }}", contexts)).toBe("Object");
  expect(evaluateTemplate("[${{ null }}]", contexts)).toBe("[]");
  expect(evaluateTemplate("${{ true }}", contexts)).toBe("true");
});

test("status functions and hashFiles are the caller's", () => {
  const functions = {
    success: () => false,
    always: () => true,
    hashFiles: (patterns: readonly string[]) => patterns.join("|"),
  };
  expect(evaluateCondition("success() && (true)", contexts, functions)).toBe(false);
  expect(evaluateCondition("always() && env.Foo", contexts, functions)).toBe(true);
  expect(evaluateTemplate("${{ hashFiles('a', matrix.node) }}", contexts, functions)).toBe("a|20");
  expect(() => evaluateCondition("failure()", contexts, functions)).toThrow("'failure' is not available here");
});

test.each([
  ["${{ nothing.x }}", "nothing"],
  ["${{ github.ref ", "not closed"],
  ["${{ }}", "expected"],
  ["${{ constructor() }}", "unrecognized function"],
  ["${{ fromJSON('nonsense') }}", "not JSON"],
  ["${{ fromJSON('') }}", "empty"],
  ["${{ format('{1}', 'a') }}", "more arguments"],
  ["${{ contains('a') }}", "too few"],
  ["${{ 1 + 1 }}", "unexpected symbol"],
  [`\${{ ${"(".repeat(60)}1${")".repeat(60)} }}`, "depth"],
  [`\${{ '${"x".repeat(21_001)}' }}`, "longer than 21000"],
])("%s fails with a sentence", (template, words) => {
  expect(() => evaluateTemplate(template, contexts)).toThrow(ExpressionFailure);
  expect(() => evaluateTemplate(template, contexts)).toThrow(words);
});

test("an expression that would read a large event again and again fails instead of taking minutes", () => {
  const contexts = {
    github: { event: { text: "x".repeat(1_000_000), rows: Array.from({ length: 200_000 }, () => "y") } },
  };
  const repeated = (one: string, count: number) => `\${{ ${Array.from({ length: count }, () => one).join(" || ")} }}`;
  for (const one of [
    "contains(github.event.text, 'y')",
    "github.event.text == github.event.text && false",
    "startsWith(toJSON(github.event), 'y')",
    "contains(github.event.rows, 'n')",
    "contains(github.event.*, 'n')",
  ]) {
    expect(() => evaluateTemplate(repeated(one, 300), contexts)).toThrow("too much work");
    expect(evaluateTemplate(repeated(one, 2), contexts)).toBe("false");
  }
  const one = `\${{ contains(github.event.text, 'y') }}`;
  expect(() => evaluateTemplate(one.repeat(300), contexts)).toThrow("too much work");
}, 30_000);
