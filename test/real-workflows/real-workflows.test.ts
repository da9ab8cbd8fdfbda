import { afterAll, beforeAll, expect, test } from "vitest";
import { CORPUS_FOLDER, findCorpus, NO_CORPUS } from "../corpus/find-corpus.ts";
import { checkHistory } from "../kit/check-history.ts";
import type { Farm } from "../kit/farm.ts";
import { REAL_CASES } from "./real-cases.ts";
import { runRealCase } from "./run-real-case.ts";
import { startRealFarm } from "./start-real-farm.ts";

// only files that need no sources of a registry; all of them: npm run real-workflows
const VERDICTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "composer__composer__api-surface.yml": { "Trigger check": "green" },
  "temporalio__sdk-typescript__changelog.yml": { "Changelog checkpoint": "green" },
  // it pushes, and a job's token may only read where the file does not say otherwise
  "actions__checkout__update-main-version.yml": { tag: "red" },
  "moby__moby__validate-pr.yml": {
    "check-labels": "green",
    "check-changelog": "green",
    // it asks GitHub's own API
    "check-commit-references": "red",
    "check-pr-branch": "green",
  },
};

const hasFiles = findCorpus(CORPUS_FOLDER) !== undefined;
let farm: Farm | undefined;
beforeAll(async () => {
  if (hasFiles) farm = await startRealFarm();
});
afterAll(() => farm?.stop());

test.for(Object.keys(VERDICTS))("%s runs as it is", async (file, { skip }) => {
  if (farm === undefined) return skip(NO_CORPUS);
  const one = REAL_CASES.find((real) => real.file === file);
  if (one === undefined) throw new Error(`no case ${file}`);
  const { jobs } = await runRealCase(farm, one, undefined);
  const verdicts = Object.fromEntries(jobs.map(({ name, verdict }) => [name, verdict]));
  expect(verdicts, JSON.stringify(jobs)).toEqual(VERDICTS[file]);
});

test("the history of these runs is whole", async ({ skip }) => {
  if (farm === undefined) return skip(NO_CORPUS);
  expect(await checkHistory(farm)).toEqual([]);
});
