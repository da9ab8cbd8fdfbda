import type { Job, Run } from "@windrow/contract";
import { systemClock } from "@windrow/service";
import type { Farm } from "../kit/farm.ts";
import { GitRepository } from "../kit/git-repository.ts";
import { readLog } from "../kit/read-log.ts";
import { createTemporaryFolder } from "../kit/temporary-folder.ts";
import { waitFor } from "../kit/wait-for.ts";
import type { LanguageCase } from "./language-cases.ts";

/** What became of one language. */
export interface LanguageResult {
  readonly language: string;
  readonly conclusion: string;
  /** Where its job ran. */
  readonly pool: string;
  readonly agent: string;
  readonly runsOn: readonly string[];
  readonly tookMs: number;
  /** Whether the log shows that the dependency came and the tests ran. */
  readonly isShown: boolean;
  /** The end of what the last step that ran said. */
  readonly tail: string;
}

const RUN_WAIT_MS = 240_000;
const TAIL_LINES = 15;

/** Pushes the language's repository and waits for the run that the farm plans by itself. Throws `SourceError`. */
export async function runLanguage(farm: Farm, one: LanguageCase): Promise<LanguageResult> {
  const repository = await GitRepository.create();
  await one.fetch(repository.dir, createTemporaryFolder("windrow-language-"));
  // what a registry's archive has of these is of another farm
  await repository.git("add", "-A", "-f");
  await repository.git("rm", "-r", "-q", "--cached", "--ignore-unmatch", ".github");
  await repository.git("commit", "-q", "-m", "as published");
  const startedAtMs = systemClock.monotonicMs();
  const name = `pools/${one.language}-app`;
  const push = await repository.push({ url: `${farm.url}/git/${name}.git`, token: farm.adminToken });
  if (push.code !== 0) throw new Error(`push failed: ${push.stderr}`);
  const run = await waitFor(
    `the run of ${name}`,
    async () => {
      const { items } = await farm.api<{ items: Run[] }>("GET", `/api/v1/runs?repository=${encodeURIComponent(name)}`);
      return items.find(({ state }) => state === "finished");
    },
    { withinMs: RUN_WAIT_MS },
  );
  const tookMs = systemClock.monotonicMs() - startedAtMs;
  const { jobs } = await farm.api<Run>("GET", `/api/v1/runs/${run.id}`);
  const [summary] = jobs;
  if (summary === undefined || jobs.length !== 1) throw new Error(`the run of ${name} has ${jobs.length} jobs`);
  const job = await farm.api<Job>("GET", `/api/v1/jobs/${summary.id}`);
  const attempt = job.attempts.at(-1);
  const streams = attempt?.streams.map(({ stream }) => stream) ?? [];
  const bytes = await Promise.all(streams.map((stream) => readLog(farm, { jobId: job.id, stream })));
  const logs = bytes.map((log) => log.toString());
  const last = logs.filter((log) => log.trim() !== "").at(-1) ?? "";
  return {
    language: one.language,
    conclusion: run.conclusion ?? run.state,
    pool: attempt?.pool ?? "none",
    agent: attempt?.agent ?? "none",
    runsOn: job.labels,
    tookMs,
    isShown: logs.some((log) => one.shows.test(log)),
    tail: last.trimEnd().split("\n").slice(-TAIL_LINES).join("\n"),
  };
}
