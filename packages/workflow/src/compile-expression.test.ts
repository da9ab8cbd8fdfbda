import { expect, test } from "vitest";
import { compileExpression } from "./compile-expression.ts";
import { COMPILED_CHARS_MAX, COMPILED_EXPRESSIONS_MAX } from "./limits.ts";

test("an expression is compiled once", () => {
  expect(compileExpression("github.ref == 'a'")).toBe(compileExpression("github.ref == 'a'"));
});

test("the oldest gives way when there are too many of them", () => {
  const first = compileExpression("1 == 2");
  for (let at = 0; at < COMPILED_EXPRESSIONS_MAX; at += 1) compileExpression(`${at}`);
  expect(compileExpression("1 == 2")).not.toBe(first);
});

test("few long ones make room for themselves, too", () => {
  const first = compileExpression("2 == 3");
  const long = 20_000;
  const at = (no: number) => compileExpression(`'${String(no).padEnd(long, "x")}'`);
  for (let no = 0; no < COMPILED_CHARS_MAX / long; no += 1) at(no);
  expect(compileExpression("2 == 3")).not.toBe(first);
  expect(at(20)).toBe(at(20));
});
