import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseWorkflow } from "./parse-workflow.ts";

/** A folder of real workflow files; without it there is nothing to check. */
const folder = process.env.WINDROW_CORPUS;
const files = folder === undefined ? [] : readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));

test("every file of the corpus is accepted or refused by name with a position", () => {
  let acceptedCount = 0;
  for (const name of files) {
    const text = readFileSync(join(folder ?? "", name), "utf8");
    const { definition, diagnostics } = parseWorkflow({ path: name, text });
    if (definition !== undefined) acceptedCount += 1;
    expect([name, definition !== undefined || diagnostics.some((one) => one.severity === "error")]).toEqual([
      name,
      true,
    ]);
    const lineCount = text.split("\n").length;
    for (const one of diagnostics) {
      expect(one, name).toMatchObject({ file: name, message: expect.stringMatching(/\S/) });
      expect(one.line > 0 && one.line <= lineCount && one.column > 0, `${name}:${one.line}:${one.column}`).toBe(true);
    }
  }
  console.info(`corpus: ${files.length} files, ${acceptedCount} accepted, ${files.length - acceptedCount} refused`);
});
