import { expect, it } from "vitest";
import { rowJson, rowValue } from "./row-text.ts";

it.each([
  ["a\0b", "a\uFFFDb"],
  ["\uD800x\uDC00", "\uFFFDx\uFFFD"],
  ["\uD83D\uDE00", "\uD83D\uDE00"],
  ["\\u0000", "\\u0000"],
  ["\\\0", "\\\uFFFD"],
  ["\\\\u0000\u0001", "\\\\u0000\u0001"],
  ["\0\0\uDFFF", "\uFFFD\uFFFD\uFFFD"],
])("a document keeps all of %j that Postgres can keep", (text, kept) => {
  expect(JSON.parse(rowJson({ [text]: [text] }))).toEqual({ [kept]: [kept] });
});

it("parameters hold no U+0000, also inside of lists", () => {
  expect(rowValue("a\0b")).toBe("a\uFFFDb");
  expect(rowValue([["x"], ["y\0"], null, 1])).toEqual([["x"], ["y\uFFFD"], null, 1]);
  const bytes = Buffer.from([0, 1]);
  expect(rowValue(bytes)).toBe(bytes);
});
