import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Job, JobSummary, Run } from "@windrow/contract";
import { systemClock } from "@windrow/service";
import { CORPUS_FOLDER, findCorpus } from "../corpus/find-corpus.ts";
import type { Farm } from "../kit/farm.ts";
import { GitRepository } from "../kit/git-repository.ts";
import { type Explained, explainJob } from "./explain-job.ts";
import type { Archive } from "./fetch-archive.ts";
import type { PullRequestFacts, RealCase, RealEvent } from "./real-case.ts";

export interface RealJob extends Explained {
  readonly name: string;
  /** `green`, `red`, `skipped`, `cancelled`, `no agent`, or `blocked` by a job that has none. */
  readonly verdict: string;
}

/** What became of one file. */
export interface RealResult {
  readonly file: string;
  readonly source: string;
  readonly conclusion: string;
  readonly tookMs: number;
  readonly jobs: readonly RealJob[];
}

const LOOK_EVERY_MS = 500;
/** With no job of the run at work for so long, what is left waits for an agent that is not there. */
const IDLE_MS = 12_000;
const NO_AGENT = /^no agent has/;

/** Makes the repository under its real name on the farm, with the file as it is at its place, and waits for the run. */
export async function runRealCase(farm: Farm, one: RealCase, archive: Archive | undefined): Promise<RealResult> {
  const startedAtMs = systemClock.monotonicMs();
  const known = findCorpus()?.find(({ file }) => file === one.file);
  if (known === undefined) throw new Error(`${one.file} is not in ${CORPUS_FOLDER}`);
  const repository = await GitRepository.create();
  if (archive !== undefined) {
    // the archive's own workflow files would run too, and are not the ones looked at
    const others = "*/.github/workflows/*";
    execFileSync("tar", ["-xf", archive.file, "--strip-components=1", `--exclude=${others}`, "-C", repository.dir]);
  }
  keepEmptyFolders(repository.dir);
  const baseSha = await commitAll(repository, "sources as published");
  const place = join(repository.dir, known.path);
  mkdirSync(dirname(place), { recursive: true });
  cpSync(join(CORPUS_FOLDER, one.file), place);
  const sha = await commitAll(repository, "the workflow");
  const push = await repository.push({
    url: `${farm.url}/git/${known.repo}.git`,
    token: farm.adminToken,
    // two files of one repository come one after the other, each with sources of its own
    refspec: `+HEAD:refs/heads/${one.branch}`,
  });
  if (push.code !== 0) throw new Error(`push failed: ${push.stderr}`);
  for (const tag of one.tags ?? []) {
    const pushed = await repository.push({
      url: `${farm.url}/git/${known.repo}.git`,
      token: farm.adminToken,
      refspec: `+HEAD:refs/tags/${tag}`,
    });
    if (pushed.code !== 0) throw new Error(`push of ${tag} failed: ${pushed.stderr}`);
  }
  const asked = askedOf(one.event, { repository: known.repo, sha, baseSha });
  if (asked !== undefined) {
    const body = { repository: known.repo, ref: one.branch, workflow: known.path, ...asked };
    await farm.api("POST", "/api/v1/runs", { body });
  }
  const run = await waitEnded(farm, {
    repository: known.repo,
    workflow: known.path,
    event: one.event.name,
    withinMs: one.withinMs,
  });
  const jobs: RealJob[] = [];
  for (const summary of run.jobs) {
    const waited = run.waited.get(summary.id);
    const job = await farm.api<Job>("GET", `/api/v1/jobs/${summary.id}`);
    const explained = waited === undefined ? await explainJob(farm, job) : { why: waited, tail: [] };
    jobs.push({ name: job.name, verdict: verdictOf(job, waited), ...explained });
  }
  return {
    file: one.file,
    source: archive?.label ?? "the workflow file alone",
    conclusion: run.conclusion ?? run.state,
    tookMs: systemClock.monotonicMs() - startedAtMs,
    jobs,
  };
}

/** What has to be asked of the farm; a push starts its runs by itself. */
function askedOf(event: RealEvent, facts: PullRequestFacts): Readonly<Record<string, unknown>> | undefined {
  if (event.name === "push") return undefined;
  if (event.name === "workflow_dispatch") return { inputs: event.inputs };
  return { event: event.name, payload: event.payload(facts) };
}

/** An archive made of a git tree has its submodules as empty folders, which git itself would forget. */
function keepEmptyFolders(root: string): void {
  const below = readdirSync(root, { recursive: true, withFileTypes: true });
  for (const entry of below.filter((one) => one.isDirectory() && !one.parentPath.includes("/.git"))) {
    const folder = join(entry.parentPath, entry.name);
    if (entry.name !== ".git" && readdirSync(folder).length === 0) writeFileSync(join(folder, ".gitkeep"), "");
  }
}

async function commitAll(repository: GitRepository, message: string): Promise<string> {
  // what the archive holds was published so, whatever its own .gitignore says
  await repository.git("add", "-A", "-f");
  return repository.commit({}, message);
}

function verdictOf(job: Job, waited: string | undefined): string {
  if (waited !== undefined) return NO_AGENT.test(waited) ? "no agent" : "blocked";
  if (job.conclusion === "success") return "green";
  return job.conclusion === "skipped" || job.conclusion === "cancelled" ? job.conclusion : "red";
}

interface Ended extends Run {
  /** Why a job never started, for those that were cancelled because of it. */
  readonly waited: ReadonlyMap<number, string>;
}

/** Waits for the end; cancels when the time is over, or when what is left waits for agents that are not there. */
async function waitEnded(
  farm: Farm,
  options: {
    readonly repository: string;
    readonly workflow: string;
    readonly event: string;
    readonly withinMs: number;
  },
): Promise<Ended> {
  const until = systemClock.monotonicMs() + options.withinMs;
  const waited = new Map<number, string>();
  let cancelled = false;
  let busyAtMs = systemClock.monotonicMs();
  for (;;) {
    const run = await findRun(farm, options);
    const nowMs = systemClock.monotonicMs();
    if (run?.state === "finished") return { ...run, waited };
    if (run === undefined ? nowMs - busyAtMs > IDLE_MS : cancelled && nowMs > until + 60_000) {
      throw new Error(`no run of ${options.repository} ended${run === undefined ? ": none was started" : ""}`);
    }
    if (run !== undefined && !cancelled) {
      const isHopeless = run.jobs.some((job) => NO_AGENT.test(job.waiting_for ?? ""));
      if (!isHopeless || run.jobs.some(mayStillRun)) busyAtMs = nowMs;
      const isIdle = nowMs - busyAtMs > IDLE_MS;
      if (isIdle || nowMs > until) {
        const left = run.jobs.filter((job) => job.state !== "finished");
        for (const job of left) {
          if (!isAtWork(job)) waited.set(job.id, job.waiting_for ?? job.state);
        }
        await farm.api("POST", `/api/v1/runs/${run.id}/cancel`, {
          body: { reason: isIdle ? "no agent for what is left" : "out of time" },
        });
        cancelled = true;
      }
    }
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

/** At work, or queued for an agent that is there. */
const mayStillRun = (job: JobSummary): boolean =>
  isAtWork(job) || (job.state === "queued" && !NO_AGENT.test(job.waiting_for ?? ""));

const isAtWork = ({ state, kind }: JobSummary): boolean =>
  kind === "ordinary" && (state === "leased" || state === "running");

async function findRun(
  farm: Farm,
  { repository, workflow, event }: { readonly repository: string; readonly workflow: string; readonly event: string },
): Promise<Run | undefined> {
  const query = new URLSearchParams({ repository, workflow });
  const page = await farm.api<{ items: { id: number; event: string }[] }>("GET", `/api/v1/runs?${query}`);
  const found = page.items.find((run) => run.event === event);
  return found === undefined ? undefined : farm.api<Run>("GET", `/api/v1/runs/${found.id}`);
}
