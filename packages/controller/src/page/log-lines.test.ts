import { expect, test } from "vitest";
import { LINE_SHOWN_BYTES, showLines } from "./log-lines.ts";

test("lines are shown as they are", () => {
  expect(showLines(Buffer.from("one\ntwo\n"), 100)).toEqual([{ text: "one\ntwo\n" }]);
  expect(showLines(Buffer.alloc(0), 0)).toEqual([]);
});

test("F21: of a line longer than 4 KiB the beginning is shown, and where the rest stands", () => {
  const long = "x".repeat(LINE_SHOWN_BYTES + 10);
  expect(showLines(Buffer.from(`a\n${long}\nb\n${long}`), 1_000)).toEqual([
    { text: `a\n${"x".repeat(LINE_SHOWN_BYTES)}`, leftOut: { from: 5_098, to: 5_108 } },
    { text: `\nb\n${"x".repeat(LINE_SHOWN_BYTES)}`, leftOut: { from: 9_207, to: 9_217 } },
  ]);
});
