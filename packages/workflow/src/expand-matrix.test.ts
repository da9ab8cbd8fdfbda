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
