import { CORPUS_FOLDER, findCorpus, NO_CORPUS } from "./find-corpus.ts";
import { planCorpus } from "./plan-corpus.ts";
import { summarizeCorpus } from "./summarize-corpus.ts";

/** `npm run corpus`: what the farm makes of real workflow files. */
const files = findCorpus();
if (files === undefined) process.stdout.write(`${NO_CORPUS}\n`);
else {
  const startedAtMs = performance.now();
  const planned = await planCorpus(CORPUS_FOLDER, files);
  process.stdout.write(`${summarizeCorpus(planned, files, performance.now() - startedAtMs).join("\n")}\n`);
  if (planned.some((one) => one.plan === undefined)) process.exitCode = 1;
}
