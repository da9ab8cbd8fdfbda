import type { Job, JobSummary } from "@windrow/contract";
import { followRun } from "../api/follow-run.ts";
import { usageError } from "../cli-error.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { FarmOptions } from "../commands/common-options.ts";
import { type OpenedFarm, openFarm } from "../commands/open-farm.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { renderDiagnostic } from "../live/render-verdict.ts";
import { printJson, say } from "../output/print.ts";
import { type Terminal, writeAll } from "../output/terminal.ts";
import { createTerminalFilter } from "../output/terminal-filter.ts";
import { truncate } from "../output/truncate.ts";
import { chooseJobs, findRunId } from "./find-run.ts";

/** Names of steps are first lines of scripts where they have no name of their own. */
const NAME_COLUMNS_MAX = 72;

export interface RunLogsOptions extends FarmOptions {
  readonly job?: string;
  readonly failed?: boolean;
  readonly step?: string;
  readonly attempt?: string;
  readonly follow?: boolean;
}

/** `windrow run logs`: bytes as they are off a terminal, without anything that could harm one on it. */
export async function runLogs(
  context: CommandContext,
  options: RunLogsOptions,
  text: string,
): Promise<ExitCode | undefined> {
  const stream = options.step === undefined ? undefined : streamOfStep(options.step);
  const attempt = options.attempt === undefined ? undefined : wholeNumber(options.attempt, "--attempt", 1);
  const farm = await openFarm(context, options);
  const runId = await findRunId(farm, text);
  const { answer: run } = await farm.api.call("viewRun", { params: { run_id: runId } });
  const named = options.job === undefined ? run.jobs : chooseJobs(run.jobs, options.job);
  const jobs = options.failed ? named.filter((job) => job.conclusion === "failure") : named;
  if (options.json) return printStreams(context, farm, jobs, attempt);
  if (options.follow && run.state !== "finished") return followLogs(context, farm, runId, jobs, stream);
  const ran = jobs.filter((job) => job.attempt_count > 0);
  if (ran.length === 0) {
    if (run.state === "finished" && run.diagnostics.some((diagnostic) => diagnostic.severity === "error")) {
      for (const diagnostic of run.diagnostics) {
        for (const line of renderDiagnostic(diagnostic, context.terminal.errStyle)) say(context.terminal, line);
      }
      return EXIT.failed;
    }
    if (run.state === "finished" && !options.failed) {
      say(context.terminal, "No job of the run was started, so that there is no log.");
      return EXIT.ok;
    }
    say(context.terminal, options.failed ? "No job failed." : "No job has started yet; wait for it with --follow.");
    return EXIT.ok;
  }
  for (const job of ran) {
    if (ran.length > 1) say(context.terminal, context.terminal.errStyle("bold", `── ${job.name} ──`));
    if (stream === undefined && context.terminal.out.isTTY === true) await showSteps(context, farm, job.id, attempt);
    else await copyStream(context, farm, job.id, { stream, attempt });
  }
  return EXIT.ok;
}

async function copyStream(
  { terminal }: CommandContext,
  farm: OpenedFarm,
  jobId: number,
  query: { readonly stream: string | undefined; readonly attempt: number | undefined },
): Promise<void> {
  const response = await farm.api.open("readLog", { params: { job_id: jobId }, query });
  const write = createLogWriter(terminal);
  for await (const bytes of response.body ?? []) await write(bytes);
}

/** People see which step wrote what; into pipes and files goes what the job wrote and nothing else. */
async function showSteps(
  context: CommandContext,
  farm: OpenedFarm,
  jobId: number,
  no: number | undefined,
): Promise<void> {
  const { answer: job } = await farm.api.call("viewJob", { params: { job_id: jobId } });
  const { answer } = await farm.api.call("listLogStreams", { params: { job_id: jobId }, query: { attempt: no } });
  const steps = job.attempts.find((attempt) => attempt.id === answer.attempt_id)?.steps ?? [];
  for (const { stream } of answer.streams.filter((one) => one.length_bytes > 0)) {
    const step = steps.find((one) => String(one.no) === stream);
    if (step !== undefined) {
      const name = `${step.no + 1}  ${step.name.split("\n", 1)[0] ?? ""}`;
      say(context.terminal, context.terminal.errStyle("dim", `─ ${truncate(name, NAME_COLUMNS_MAX)}`));
    }
    await copyStream(context, farm, jobId, { stream, attempt: no });
  }
}

/** Writes log bytes to stdout: raw into pipes and files, filtered on a terminal. */
function createLogWriter(terminal: Terminal): (bytes: Uint8Array) => Promise<void> {
  if (terminal.out.isTTY !== true) return (bytes) => writeAll(terminal.out, bytes);
  const decoder = new TextDecoder();
  const filter = createTerminalFilter();
  return (bytes) => writeAll(terminal.out, filter.push(decoder.decode(bytes, { stream: true })));
}

async function followLogs(
  context: CommandContext,
  farm: OpenedFarm,
  runId: number,
  jobs: readonly JobSummary[],
  stream: string | undefined,
): Promise<ExitCode | undefined> {
  const names = new Map(jobs.map((job) => [job.id, job.name]));
  const writers = new Map<string, (bytes: Uint8Array) => Promise<void>>();
  const isInterrupted = await context.withInterrupt(async (signal) => {
    const messages = followRun({ api: farm.api, runId, logs: [...names.keys()], clock: context.clock, signal });
    let lastJobId: number | undefined;
    for await (const message of messages) {
      if (message.name !== "log" || (stream !== undefined && message.stream !== stream)) continue;
      if (names.size > 1 && message.jobId !== lastJobId) {
        say(context.terminal, context.terminal.errStyle("bold", `── ${names.get(message.jobId)} ──`));
        lastJobId = message.jobId;
      }
      const key = `${message.attemptId}/${message.stream}`;
      const write = writers.get(key) ?? createLogWriter(context.terminal);
      writers.set(key, write);
      await write(message.bytes);
    }
    return signal.aborted;
  });
  return isInterrupted ? EXIT.interrupted : EXIT.ok;
}

/** `--json` tells which streams there are, how long, and their digests; the bytes themselves are no JSON. */
async function printStreams(
  context: CommandContext,
  farm: OpenedFarm,
  jobs: readonly Pick<Job, "id">[],
  attempt: number | undefined,
): Promise<undefined> {
  const all: unknown[] = [];
  for (const { id } of jobs) {
    const { json } = await farm.api.call("listLogStreams", { params: { job_id: id }, query: { attempt } });
    all.push({ job_id: id, ...(typeof json === "object" ? json : {}) });
  }
  await printJson(context.terminal, all);
}

/** Steps count from 1 for people; 0 is the attempt's own stream (headers, checkout, the agent's messages). */
function streamOfStep(text: string): string {
  const step = wholeNumber(text, "--step", 0);
  return step === 0 ? "system" : String(step - 1);
}

function wholeNumber(text: string, flag: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw usageError(`${flag} takes a number from ${least}`);
  return value;
}
