import { parentPort } from "node:worker_threads";
import { checkFile } from "./check-file.ts";
import type { FromWorker, ToWorker } from "./parse-in-worker.ts";
import { parseWorkflow } from "./parse-workflow.ts";

/** The other end of `parse-in-worker.ts`: parses what it is sent, one file at a time. */
const port = parentPort;
if (port === null) throw new Error("parse-worker.ts runs as a worker thread only");

// The first parse loads the schema and warms the code; it happens before anybody waits.
parseWorkflow({
  path: "warm.yml",
  text: "on: push\njobs: {a: {runs-on: x, if: github.sha, steps: [{run: 'true'}]}}\n",
});

port.on("message", ({ id, path, text, isCheck }: ToWorker) => {
  const result = isCheck ? { diagnostics: checkFile({ path, text }) } : parseWorkflow({ path, text });
  port.postMessage({ id, result, cpuMs: usedMs() } satisfies FromWorker);
});
port.postMessage({ ready: true, cpuMs: usedMs() } satisfies FromWorker);

/** What this thread has used so far. */
function usedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
