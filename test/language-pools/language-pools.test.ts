import { afterAll, beforeAll, expect, test } from "vitest";
import { checkHistory } from "../kit/check-history.ts";
import type { Farm } from "../kit/farm.ts";
import { SourceError } from "../real-workflows/run-client.ts";
import { LANGUAGE_CASES } from "./language-cases.ts";
import { type LanguageResult, runLanguage } from "./run-language.ts";
import { findLack, startPoolsFarm } from "./start-pools-farm.ts";

// the two that are quick on any machine; all of them: npm run language-pools
const QUICK = LANGUAGE_CASES.filter(({ language }) => language === "node" || language === "rust");

let farm: Farm;
beforeAll(async () => {
  farm = await startPoolsFarm(QUICK);
});
afterAll(() => farm?.stop());

test.for(QUICK)(
  "a $language repository without a workflow file is built and tested on the pool of its language",
  { timeout: 180_000 },
  async (one, { skip }) => {
    const lack = await findLack(farm, one);
    if (lack !== undefined) skip(lack);
    let result: LanguageResult;
    try {
      result = await runLanguage(farm, one);
    } catch (error) {
      if (error instanceof SourceError) skip(`its sources cannot be had: ${error.message}`);
      throw error;
    }
    expect(result, result.tail).toMatchObject({
      conclusion: "success",
      pool: one.language,
      agent: `${one.language}-1`,
      runsOn: [one.language, "linux"].toSorted(),
      isShown: true,
    });
    expect(await checkHistory(farm)).toEqual([]);
  },
);
