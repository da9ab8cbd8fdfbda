import type { Clock } from "@windrow/service";
import {
  type Database,
  type EventCursor,
  findRun,
  hasEventsAfter,
  type JobView,
  listJobsById,
  readEvents,
  type StoredEvent,
} from "@windrow/store";
import { explainWaits } from "../queue/explain-waits.ts";
import { jobLine, stuckLines, verdictLine } from "./push-lines.ts";

/** Pushes that may wait for their runs at a time; the others are told how to watch instead. */
export const PUSH_WAITS_MAX = 32;
const LOOK_EVERY_MS = 300;

/** Tells each change of the runs' jobs, then the verdicts; returns when all are finished, when the time is up, or on abort. */
export async function waitForRuns(
  deps: { readonly db: Database; readonly clock: Clock; readonly runUrl: (runId: number) => string },
  wait: {
    readonly runIds: readonly number[];
    readonly waitMs: number;
    readonly say: (line: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { db, clock } = deps;
  const until = clock.monotonicMs() + wait.waitMs;
  const cursors = new Map<number, EventCursor | undefined>(wait.runIds.map((id) => [id, undefined]));
  const told = new Map<number, string>();
  while (cursors.size > 0) {
    for (const [runId, after] of cursors) {
      // the run first: what is behind its end in the order of events cannot be its own
      const run = await findRun(db, runId);
      const events = await readEvents(db, { runId, after });
      await tellChanged(events);
      const cursor = events.at(-1)?.cursor ?? after;
      cursors.set(runId, cursor);
      if (run?.state !== "finished" || (await hasEventsAfter(db, { runId, after: cursor }))) continue;
      wait.say(verdictLine(run, deps.runUrl(runId)));
      cursors.delete(runId);
    }
    if (cursors.size === 0 || wait.signal.aborted) return;
    if (clock.monotonicMs() > until) {
      wait.say(`waited long enough; the ${wait.runIds.length === 1 ? "run goes" : "runs go"} on`);
      return;
    }
    await clock.sleep(LOOK_EVERY_MS, wait.signal);
  }

  async function tellChanged(events: readonly StoredEvent[]): Promise<void> {
    const changed = new Set(events.flatMap((event) => (event.jobId === null ? [] : [event.jobId])));
    const queued: JobView[] = [];
    for (const job of await listJobsById(db, [...changed])) {
      const line = jobLine(job);
      if (job.state === "blocked" || told.get(job.id) === line) continue;
      told.set(job.id, line);
      wait.say(line);
      if (job.state === "queued") queued.push(job);
    }
    for (const line of stuckLines(queued, await explainWaits(db, queued))) wait.say(line);
  }
}
