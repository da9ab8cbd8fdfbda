import { findCorpus, NO_CORPUS } from "../corpus/find-corpus.ts";
import { createSources } from "./fetch-archive.ts";
import { formatResult } from "./print-results.ts";
import { REAL_CASES } from "./real-cases.ts";
import { SourceError } from "./run-client.ts";
import { runRealCase } from "./run-real-case.ts";
import { startRealFarm } from "./start-real-farm.ts";

/** `npm run real-workflows [-- [--logs] NAME…]`: real workflow files from end to end, unmodified, with their repositories' sources. */
const say = (line: string) => process.stdout.write(`${line}\n`);

const words = process.argv.slice(2).filter((word) => word !== "--logs");
const logs = process.argv.includes("--logs");
const chosen = REAL_CASES.filter(({ file }) => words.length === 0 || words.some((word) => file.includes(word)));
if (findCorpus() === undefined) say(NO_CORPUS);
else if (chosen.length === 0) {
  say(`no file is called so; there are:\n${REAL_CASES.map(({ file }) => `  ${file}`).join("\n")}`);
  process.exitCode = 3;
} else {
  const fetchArchive = createSources(chosen);
  const farm = await startRealFarm();
  // the farm's processes are in groups of their own, so an interrupt of this one does not reach them
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => farm.stop().finally(() => process.exit(130)));
  }
  try {
    for (const one of chosen) {
      try {
        const archive = one.source === undefined ? undefined : await fetchArchive(one.source);
        for (const line of formatResult(await runRealCase(farm, one, archive), { remark: one.remark, logs })) say(line);
      } catch (error) {
        say(
          `${one.file}: ${error instanceof SourceError ? "skipped: " : ""}${error instanceof Error ? error.message : error}`,
        );
        if (!(error instanceof SourceError)) process.exitCode = 1;
      }
      say("");
    }
  } finally {
    await farm.stop();
  }
}
