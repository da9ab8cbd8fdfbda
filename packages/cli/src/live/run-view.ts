import type { Job, JobSummary, Run, RunSummary, Step } from "@windrow/contract";
import type { RunMessage } from "../api/follow-run.ts";
import { createLineTail, type LineTail } from "./line-tail.ts";

/** A job as a watcher knows it: attempts and steps come with the first message about it. */
export type ViewedJob = JobSummary & Partial<Pick<Job, "attempts">>;

/** What is known of a run while it is watched. */
export interface RunView {
  run: RunSummary;
  readonly diagnostics: Run["diagnostics"];
  readonly jobs: Map<number, ViewedJob>;
  /** By attempt and stream (`<attempt id>/<stream>`). */
  readonly tails: Map<string, LineTail>;
  /** Set while no controller answers. */
  disconnected: string | undefined;
}

export function createRunView(run: Run): RunView {
  return {
    run,
    diagnostics: run.diagnostics,
    jobs: new Map(run.jobs.map((job) => [job.id, job])),
    tails: new Map(),
    disconnected: undefined,
  };
}

/** Takes one message into the view. Jobs of an earlier attempt of the run are not shown. */
export function applyMessage(view: RunView, message: RunMessage): void {
  switch (message.name) {
    case "run":
    case "end":
      if (message.data.attempt > view.run.attempt) view.jobs.clear();
      view.run = message.data;
      return;
    case "job":
      if (message.data.run_attempt === view.run.attempt) view.jobs.set(message.data.id, message.data);
      if (message.data.run_attempt > view.run.attempt) {
        view.jobs.clear();
        view.jobs.set(message.data.id, message.data);
        view.run = { ...view.run, attempt: message.data.run_attempt, has_started: false };
      }
      // the run's own row does not change when its first job starts
      if (message.data.state === "running") view.run = { ...view.run, has_started: true };
      return;
    case "log": {
      if (!view.jobs.has(message.jobId)) return;
      const key = `${message.attemptId}/${message.stream}`;
      const tail = view.tails.get(key) ?? createLineTail();
      view.tails.set(key, tail);
      tail.push(message.bytes);
      return;
    }
    case "disconnected":
      view.disconnected = message.detail;
      return;
    case "connected":
      view.disconnected = undefined;
      return;
    case "event":
      return;
  }
}

/** The steps of the job's latest attempt. */
export function latestSteps(job: ViewedJob): readonly Step[] {
  return job.attempts?.at(-1)?.steps ?? [];
}

/** The last lines of the stream that says most now: that of the given step, or the attempt's own before any step runs. */
export function tailOf(view: RunView, job: ViewedJob, step: Step | undefined, countMax: number): string[] {
  const attempt = job.attempts?.at(-1);
  if (attempt === undefined) return [];
  const stream = step === undefined ? "system" : String(step.no);
  return view.tails.get(`${attempt.id}/${stream}`)?.last(countMax) ?? [];
}
