import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createParseWorker, type ParseWorker } from "@windrow/workflow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CORPUS_FOLDER, findCorpus, NO_CORPUS } from "./find-corpus.ts";
import { MUTATION_KINDS, mutateCorpus } from "./mutate.ts";

const files = findCorpus();
const read = (file: string) => readFileSync(join(CORPUS_FOLDER, file), "utf8");
const MUTATIONS = mutateCorpus(files ?? [], { read, seed: 20_261, count: 100 });

let parser: ParseWorker;
beforeAll(() => {
  parser = createParseWorker();
});
afterAll(() => parser.close());

describe("100 real workflow files with one mistake each", () => {
  test("are made, of every kind", ({ skip }) => {
    if (files === undefined) return skip(NO_CORPUS);
    expect(MUTATIONS).toHaveLength(100);
    expect(new Set(MUTATIONS.map((one) => one.kind))).toEqual(new Set(MUTATION_KINDS));
  });

  test.each(MUTATION_KINDS)("are refused at the right line: %s", async (kind) => {
    const wrong: string[] = [];
    for (const { file, what, text, line } of MUTATIONS.filter((one) => one.kind === kind)) {
      const { definition, diagnostics } = await parser.parse(file, text);
      const errors = diagnostics.filter((one) => one.severity === "error");
      const isSeen = errors.some((one) => one.line === line);
      if (definition !== undefined || !isSeen) {
        const found = errors.map((one) => `${one.line}: ${one.message}`).join("; ") || "accepted";
        wrong.push(`${file}:${line}: ${what}: ${found}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
