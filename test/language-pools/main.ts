import { SourceError } from "../real-workflows/run-client.ts";
import { LANGUAGE_CASES, type LanguageCase } from "./language-cases.ts";
import { runLanguage } from "./run-language.ts";
import { findLack, startPoolsFarm } from "./start-pools-farm.ts";

/**
 * `npm run language-pools [-- LANGUAGE…]`: a farm with a pool per language; one repository of each, without a workflow
 * file, is pushed and must be built and tested on its own pool.
 */
const say = (line: string) => process.stdout.write(`${line}\n`);

const words = process.argv.slice(2);
const chosen = LANGUAGE_CASES.filter(({ language }) => words.length === 0 || words.includes(language));
if (chosen.length === 0) {
  say(`no language is called so; there are: ${LANGUAGE_CASES.map(({ language }) => language).join(", ")}`);
  process.exitCode = 3;
} else {
  const farm = await startPoolsFarm(chosen);
  // the farm's processes are in groups of their own, so an interrupt of this one does not reach them
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => farm.stop().finally(() => process.exit(130)));
  }
  const show = async (one: LanguageCase) => {
    const lack = await findLack(farm, one);
    if (lack !== undefined) return say(`${one.language.padEnd(7)} skipped: ${lack}`);
    try {
      const result = await runLanguage(farm, one);
      const isGood = result.conclusion === "success" && result.pool === one.language && result.isShown;
      const took = `${(result.tookMs / 1000).toFixed(1)} s`;
      say(
        `${one.language.padEnd(7)} ${isGood ? "green" : "RED"} on pool ${result.pool} (${result.agent}), ${took}: ${one.source}`,
      );
      if (!isGood) {
        process.exitCode = 1;
        say(`        ${result.conclusion}; runs-on ${result.runsOn.join(", ")}; the log ends with:\n${result.tail}`);
      }
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      say(`${one.language.padEnd(7)} skipped: its sources cannot be had: ${error.message}`);
    }
  };
  try {
    await Promise.all(chosen.map(show));
  } finally {
    await farm.stop();
  }
}
