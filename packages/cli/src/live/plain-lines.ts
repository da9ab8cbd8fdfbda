import type { RunMessage } from "../api/follow-run.ts";
import { detailOfJob, detailOfStep, elapsed, lookOfJob, lookOfRun, lookOfStep } from "./job-words.ts";
import { createLineSplitter, type LineSplitter } from "./line-splitter.ts";
import { latestSteps, type RunView, type ViewedJob } from "./run-view.ts";

/** The story of a run as lines, for pipes, files and other programs' logs: each change once, each log line under its job's name. */
export interface PlainLines {
  /** Call after the message was taken into the view. Answers what to write, line ends included. */
  push(message: RunMessage, nowMs: number): (string | Uint8Array)[];
}

export function createPlainLines(view: RunView): PlainLines {
  const told = new Map<string, string>();
  const splitters = new Map<string, { splitter: LineSplitter; prefix: string }>();

  const tell = (key: string, line: string): string[] => {
    if (told.get(key) === line) return [];
    told.set(key, line);
    return [`${line}\n`];
  };

  /** Ends the open lines of the streams whose key begins so. */
  const flush = (keyStart: string): Uint8Array[] => {
    const lines: Uint8Array[] = [];
    for (const [key, { splitter, prefix }] of splitters) {
      if (!key.startsWith(keyStart)) continue;
      lines.push(...splitter.end().map((line) => Buffer.concat([Buffer.from(prefix), line])));
      splitters.delete(key);
    }
    return lines;
  };

  const tellSteps = (job: ViewedJob, nowMs: number): (string | Uint8Array)[] => {
    const lines: (string | Uint8Array)[] = [];
    const attemptId = job.attempts?.at(-1)?.id ?? "";
    for (const step of latestSteps(job)) {
      if (step.state === "pending" || step.outcome === "skipped") continue;
      const key = `${attemptId}/${step.no}`;
      const name = `job ${job.name}: step ${step.no + 1} ${JSON.stringify(step.name.split("\n", 1)[0])}`;
      if (!told.has(key)) lines.push(...tell(key, `${name} started`));
      if (step.state !== "finished" || told.get(key) === "ended") continue;
      const detail = detailOfStep(step);
      const time = inTime(elapsed(step, nowMs));
      lines.push(
        ...flush(`${job.id}/${key}`),
        `${name} ${lookOfStep(step).word}${time}${detail === "" ? "" : `: ${detail}`}\n`,
      );
      told.set(key, "ended");
    }
    return lines;
  };

  const tellJob = (job: ViewedJob, nowMs: number): (string | Uint8Array)[] => {
    const detail = detailOfJob(job);
    const time = job.state === "finished" ? inTime(elapsed(job, nowMs)) : "";
    const link = job.state === "running" || job.state === "leased" ? " " : ": ";
    const line = `job ${job.name}: ${lookOfJob(job).word}${time}${detail === "" ? "" : `${link}${detail}`}`;
    if (job.state !== "finished") return [...tell(`${job.id}`, line), ...tellSteps(job, nowMs)];
    return [...tellSteps(job, nowMs), ...flush(`${job.id}/`), ...tell(`${job.id}`, line)];
  };

  const tellRun = (): string[] =>
    view.run.state === "finished" ? [] : tell("run", `run #${view.run.id}: ${lookOfRun(view.run).word}`);

  return {
    push(message, nowMs) {
      switch (message.name) {
        case "job":
          if (message.data.run_attempt !== view.run.attempt) return [];
          return [...(told.has("run") ? tellRun() : []), ...tellJob(message.data, nowMs)];
        case "log": {
          const job = view.jobs.get(message.jobId);
          if (job === undefined) return [];
          const key = `${message.jobId}/${message.attemptId}/${message.stream}`;
          const entry = splitters.get(key) ?? { splitter: createLineSplitter(), prefix: `${job.name} | ` };
          splitters.set(key, entry);
          const prefix = Buffer.from(entry.prefix);
          return entry.splitter.push(message.bytes).map((line) => Buffer.concat([prefix, line]));
        }
        case "run":
          // the verdict is the last line: log bytes may still be on their way
          return tellRun();
        case "end": {
          const time = inTime(elapsed(view.run, nowMs));
          return [...flush(""), ...tell("run", `run #${view.run.id}: ${lookOfRun(view.run).word}${time}`)];
        }
        case "event":
        case "connected":
        case "disconnected":
          return [];
      }
    },
  };
}

function inTime(time: string): string {
  return time === "" ? "" : ` in ${time}`;
}
