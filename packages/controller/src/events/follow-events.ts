import { type Database, EVENTS_READ_MAX, type EventCursor, readEvents, type StoredEvent } from "@windrow/store";
import { ANY_RUN, type RunChanges } from "./run-changes.ts";

export interface FollowEventsOptions {
  readonly runId?: number;
  /** Absent: from the beginning. */
  readonly afterCursor?: EventCursor;
  readonly signal: AbortSignal;
}

/** Events in order, those that are there and those to come, in batches; ends on abort. No event is skipped or doubled. */
export async function* followEvents(
  deps: { readonly db: Database; readonly changes: RunChanges },
  options: FollowEventsOptions,
): AsyncGenerator<readonly StoredEvent[]> {
  const { runId, signal } = options;
  let cursor = options.afterCursor;
  while (!signal.aborted) {
    const events = await readEvents(deps.db, { after: cursor, runId });
    const last = events.at(-1);
    if (last !== undefined) {
      cursor = last.cursor;
      yield events;
      if (events.length === EVENTS_READ_MAX) continue;
    }
    await deps.changes.wait(runId ?? ANY_RUN, signal);
  }
}
