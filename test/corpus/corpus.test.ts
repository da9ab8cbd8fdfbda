import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkFile } from "@windrow/workflow";
import { beforeAll, expect, test } from "vitest";
import { EXPLAINED } from "./explained-differences.ts";
import { CORPUS_FOLDER, findCorpus, NO_CORPUS } from "./find-corpus.ts";
import { type PlannedFile, planCorpus } from "./plan-corpus.ts";
import { findDifferences, summarizeCorpus } from "./summarize-corpus.ts";

const files = findCorpus();
let planned: readonly PlannedFile[] = [];
beforeAll(async () => {
  if (files !== undefined) planned = await planCorpus(CORPUS_FOLDER, files);
});

test("at least 99 of 100 real workflow files are accepted", ({ skip }) => {
  if (files === undefined) return skip(NO_CORPUS);
  console.info(summarizeCorpus(planned, files, 0).slice(0, 9).join("\n"));
  const refused = planned.filter((one) => one.plan === undefined).map((one) => one.file);
  expect(planned).toHaveLength(files.length);
  expect(refused.length, refused.join(", ")).toBeLessThanOrEqual(files.length / 100);
});

test("every job of the manifest is a job of the plan", ({ skip }) => {
  if (files === undefined) return skip(NO_CORPUS);
  const keys = (file: string) => planned.find((one) => one.file === file)?.plan?.jobKeys;
  const wrong = files.filter(({ file, jobList }) => {
    const ours = keys(file);
    return ours !== undefined && String(ours.toSorted()) !== String(jobList.map((job) => job.id).toSorted());
  });
  expect(wrong.map((one) => one.file)).toEqual([]);
});

test("the rows of every matrix are those of the manifest, or a documented rule says why not", ({ skip }) => {
  if (files === undefined) return skip(NO_CORPUS);
  expect(findDifferences(planned, files)).toEqual(
    EXPLAINED.map(({ file, job, ours, theirs }) => ({ file, job, ours, theirs })),
  );
});

test("every complaint has its place in the file and says something", ({ skip }) => {
  if (files === undefined) return skip(NO_CORPUS);
  for (const { file, diagnostics } of planned) {
    const lines = readFileSync(join(CORPUS_FOLDER, file), "utf8").split("\n");
    for (const { line, column, message } of diagnostics) {
      expect(line, `${file}: ${message}`).toBeLessThanOrEqual(lines.length);
      expect(column, `${file}:${line}: ${message}`).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
      expect(message).toMatch(/\S/);
    }
  }
});

test("nothing of them cannot start: what a called file would be given is not known, and not wrong", ({ skip }) => {
  if (files === undefined) return skip(NO_CORPUS);
  expect(planned.flatMap((one) => one.plan?.preview.diagnostics ?? [])).toEqual([]);
});

test("every action is read without a crash, and at least 95 of 100 are accepted", ({ skip }) => {
  if (files === undefined) return skip(NO_CORPUS);
  const actions = readdirSync(join(CORPUS_FOLDER, "actions"));
  const refused = actions.flatMap((name) => {
    const text = readFileSync(join(CORPUS_FOLDER, "actions", name), "utf8");
    const found = checkFile({ path: `${name}/action.yml`, text });
    return found.filter((one) => one.severity === "error").map((one) => `${name}:${one.line}: ${one.message}`);
  });
  expect(refused.length, refused.join("\n")).toBeLessThanOrEqual(actions.length / 20);
});
