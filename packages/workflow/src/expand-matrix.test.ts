import type { MatrixCombination } from "@windrow/model";
import { expect, test } from "vitest";
import { expandMatrix } from "./expand-matrix.ts";

const vector = (name: string, ...values: (string | number)[]) => ({ name, values });

test("the include example of the documentation", () => {
  expect(
    expandMatrix({
      vectors: [vector("fruit", "apple", "pear"), vector("animal", "cat", "dog")],
      exclude: [],
      include: [
        { color: "green" },
        { color: "pink", animal: "cat" },
        { fruit: "apple", shape: "circle" },
        { fruit: "banana" },
        { fruit: "banana", animal: "cat" },
      ],
    }),
  ).toEqual([
    { fruit: "apple", animal: "cat", color: "pink", shape: "circle" },
    { fruit: "apple", animal: "dog", color: "green", shape: "circle" },
    { fruit: "pear", animal: "cat", color: "pink" },
    { fruit: "pear", animal: "dog", color: "green" },
    { fruit: "banana" },
    { fruit: "banana", animal: "cat" },
  ]);
});

test("the exclude example of the documentation", () => {
  const combinations = expandMatrix({
    vectors: [
      vector("os", "macos-latest", "windows-latest"),
      vector("version", 12, 14, 16),
      vector("environment", "staging", "production"),
    ],
    exclude: [
      { os: "macos-latest", version: 12, environment: "production" },
      { os: "windows-latest", version: 16 },
    ],
    include: [],
  });
  expect(combinations).toHaveLength(9);
  expect(combinations?.[0]).toEqual({ os: "macos-latest", version: 12, environment: "staging" });
});

test("include alone makes one job for each entry", () => {
  const include: MatrixCombination[] = [{ site: "a" }, { site: "b", extra: [1] }];
  expect(expandMatrix({ vectors: [], exclude: [], include })).toEqual(include);
});

test("an exclude matches part of a map, and a number its text", () => {
  expect(
    expandMatrix({
      vectors: [{ name: "node", values: [{ version: 14 }, { version: 20, env: "X=1" }] }],
      exclude: [{ node: { version: "20" } }],
      include: [],
    }),
  ).toEqual([{ node: { version: 14 } }]);
});

test("names of JavaScript's own are variables like all others", () => {
  const entry: MatrixCombination = JSON.parse('{"__proto__": {"x": 1}, "constructor": "c"}');
  const [combination] = expandMatrix({ vectors: [vector("a", 1)], exclude: [], include: [entry] }) ?? [];
  expect(Object.entries(combination ?? {})).toEqual([
    ["a", 1],
    ["__proto__", { x: 1 }],
    ["constructor", "c"],
  ]);
  const vectors = [{ name: "v", values: [{ x: 1 }] }];
  expect(expandMatrix({ vectors, exclude: [{ v: { toString: "" } }], include: [] })).toHaveLength(1);
});

test("many variables, and large values under many excludes, are bounded work", () => {
  const many = Array.from({ length: 50_000 }, (_, at) => vector(`v${at}`, 1));
  expect(expandMatrix({ vectors: many, exclude: [], include: [] })).toBeUndefined();
  const large = Array.from({ length: 20_000 }, (_, at) => at);
  const values = Array.from({ length: 100 }, () => large);
  let readCount = 0;
  const counted = values.map(
    (value) =>
      new Proxy(value, {
        get(target, name) {
          readCount += 1;
          return Reflect.get(target, name);
        },
      }),
  );
  const rows = Array.from({ length: 100 }, (_, at) => at);
  expect(
    expandMatrix({
      vectors: [
        { name: "a", values: counted },
        { name: "b", values: rows },
      ],
      exclude: [{ a: large, b: 0 }],
      include: [],
    }),
  ).toBeUndefined();
  // each value is compared with the filter once, not once in each of 10,000 combinations
  expect(readCount).toBeLessThan(100 * 3 * large.length);
});
