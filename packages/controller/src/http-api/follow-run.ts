import type { FarmEvent, Job } from "@windrow/contract";
import {
  type EventCursor,
  findRun,
  hasEventsAfter,
  listRunJobs,
  type RunView,
  readEvents,
  type StoredEvent,
} from "@windrow/store";
import type { ApiDeps } from "./api-deps.ts";
import { presentRun } from "./present/present-run.ts";
import { readJobs } from "./present/read-jobs.ts";
import type { EventStream } from "./sse.ts";
import { createTails, type Tails } from "./tails.ts";

export interface FollowRequest {
  readonly run: RunView;
  readonly after: EventCursor | undefined;
  /** Whose log bytes to send. */
  readonly logs: boolean | readonly number[];
  /** Where to go on, by attempt and stream. */
  readonly have: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/**
 * Sends a run's changes, the present state of what they touched, and log bytes, until the run is finished and everything
 * was sent. Without `after` it begins with the whole present state; with it, with what came later.
 */
export async function followRun(deps: ApiDeps, request: FollowRequest, stream: EventStream): Promise<void> {
  const { db } = deps;
  const runId = request.run.id;
  const tails = createTails(deps, { have: request.have, stream });
  let cursor = request.after;
  const jobs = await listRunJobs(db, { runId, runAttempt: request.run.attempt });
  const present = await readJobs(
    db,
    jobs.map((job) => job.id),
    deps.links,
  );
  startTails(present, request, tails);
  if (cursor === undefined) {
    await stream.send("run", presentRun(request.run, deps.links));
    for (const job of present) await stream.send("job", job);
  }
  while (!stream.signal.aborted) {
    // listening begins before reading: a change in between is not missed
    const read = new AbortController();
    const news = deps.farm.waitForRunChange(runId, AbortSignal.any([stream.signal, read.signal]));
    const events = await readEvents(db, { runId, after: cursor });
    const run = (await findRun(db, runId)) ?? request.run;
    // states first: who is cut off between them and the events, which carry the ids, receives both again
    if (events.length > 0) await sendTouched(events, run);
    for (const event of events) await stream.send("event", presentEvent(event), event.cursor);
    cursor = events.at(-1)?.cursor ?? cursor;
    if (events.length > 0) {
      read.abort();
      continue;
    }
    if (run.state === "finished" && !(await hasEventsAfter(db, { runId, after: cursor }))) {
      read.abort();
      await tails.finished();
      if (!stream.signal.aborted) await stream.send("end", presentRun(run, deps.links));
      return;
    }
    await news;
  }

  async function sendTouched(events: readonly StoredEvent[], run: RunView): Promise<void> {
    const ids = new Set(events.flatMap((event) => (event.jobId === null ? [] : [event.jobId])));
    const touched = await readJobs(db, [...ids], deps.links);
    for (const job of touched) await stream.send("job", job);
    if (events.some((event) => event.kind.startsWith("run_"))) await stream.send("run", presentRun(run, deps.links));
    startTails(touched, request, tails);
  }
}

/** `job` changes and log bytes of one job, through its attempts, until it is finished. */
export async function followJob(
  deps: ApiDeps,
  request: {
    readonly jobId: number;
    readonly run: RunView;
    readonly attemptNo: number | undefined;
    readonly stream: string | undefined;
    readonly from: number;
  },
  stream: EventStream,
): Promise<void> {
  const { jobId, run } = request;
  const tails = createTails(deps, { have: new Map(), stream, only: request.stream, fromAtFirst: request.from });
  let sent = "";
  while (!stream.signal.aborted) {
    const [job] = await readJobs(deps.db, [jobId], deps.links);
    if (job === undefined) return;
    const text = JSON.stringify(job);
    if (text !== sent) await stream.send("job", job);
    sent = text;
    const wanted = job.attempts.filter((one) => request.attemptNo === undefined || one.no === request.attemptNo);
    tails.start({ ...job, attempts: wanted });
    if (job.state === "finished") {
      await tails.finished();
      const last = (await findRun(deps.db, run.id)) ?? run;
      if (!stream.signal.aborted) await stream.send("end", presentRun(last, deps.links));
      return;
    }
    await deps.farm.waitForRunChange(run.id, stream.signal);
  }
}

function startTails(jobs: readonly Job[], { logs }: FollowRequest, tails: Tails): void {
  if (logs === false) return;
  for (const job of jobs) if (logs === true || logs.includes(job.id)) tails.start(job);
}

function presentEvent(event: StoredEvent): FarmEvent {
  return {
    cursor: event.cursor,
    kind: event.kind,
    at: event.at.toISOString(),
    run_id: event.runId,
    job_id: event.jobId,
    attempt_id: event.attemptId,
    agent_id: event.agentId,
    data: { ...event.data },
  };
}
