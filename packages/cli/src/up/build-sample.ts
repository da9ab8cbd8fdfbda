import { writeFileSync } from "node:fs";
import type { Clock } from "@windrow/service";
import type { ApiClient } from "../api/client.ts";
import { CliError } from "../cli-error.ts";
import { pushSample } from "../sample/push-sample.ts";
import { type DataFolder, readIfThere } from "./data-folder.ts";
import type { Report } from "./up-reporter.ts";

const REPOSITORY = "me/sample";
const LOOK_EVERY_MS = 250;
const RUN_APPEARS_WITHIN_MS = 30_000;

export interface BuildSampleOptions {
  readonly api: ApiClient;
  readonly url: string;
  readonly token: string;
  readonly folder: DataFolder;
  readonly clock: Clock;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** On a farm's first start: pushes the sample repository and follows its run to the verdict. Does nothing later on. */
export async function buildSample(options: BuildSampleOptions): Promise<void> {
  const { api, url, token, folder, signal, report } = options;
  if (readIfThere(folder.sampleFile) !== undefined) return;
  const { sha } = await pushSample({ url, token, repository: REPOSITORY, signal });
  const runId = await findRun(options, sha);
  if (runId === undefined) return;
  const { answer } = await api.call("viewRun", { params: { run_id: String(runId) }, query: {} });
  writeFileSync(folder.sampleFile, `${JSON.stringify({ repository: REPOSITORY, sha, run_id: runId })}\n`);
  report({ event: "sample_pushed", run_id: runId, run_url: answer.url });
  await followSample(options, runId);
}

/** Undefined when the farm stops meanwhile. */
async function findRun(options: BuildSampleOptions, sha: string): Promise<number | undefined> {
  const { api, clock, signal } = options;
  const until = clock.monotonicMs() + RUN_APPEARS_WITHIN_MS;
  while (!signal.aborted) {
    const { answer } = await api.call("listRuns", { query: { repository: REPOSITORY, sha } });
    const run = answer.items[0];
    if (run !== undefined) return run.id;
    if (clock.monotonicMs() > until) {
      throw new CliError(`the sample was pushed (${sha.slice(0, 12)}), but no run appeared`, { code: "sample_failed" });
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
  return undefined;
}

async function followSample(options: BuildSampleOptions, runId: number): Promise<void> {
  const { api, clock, signal, report } = options;
  const seen = new Map<number, string>();
  while (!signal.aborted) {
    const { answer: run } = await api.call("viewRun", { params: { run_id: String(runId) }, query: {} });
    for (const job of run.jobs) {
      if (job.state !== "running" && job.state !== "finished") continue;
      if (seen.get(job.id) === job.state) continue;
      seen.set(job.id, job.state);
      report({ event: "sample_job", job: job.name, state: job.state, conclusion: job.conclusion });
    }
    if (run.state === "finished") {
      report({ event: "sample_finished", run_id: runId, run_url: run.url, conclusion: run.conclusion ?? "unknown" });
      return;
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}
