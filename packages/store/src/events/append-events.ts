import type { Value } from "@windrow/model";
import type { Database, Tx } from "../database.ts";
import { rowJson } from "../row-text.ts";

export interface NewEvent {
  readonly kind: string;
  readonly repositoryId?: number;
  readonly runId?: number;
  readonly jobId?: number;
  readonly attemptId?: string;
  readonly agentId?: string;
  readonly data?: { readonly [name: string]: Value };
}

/** Records changes of state; must run in the transaction of the change itself. */
export async function appendEvents(db: Database | Tx, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await db
    .insertInto("events")
    .values(
      events.map((event) => ({
        kind: event.kind,
        repository_id: event.repositoryId ?? null,
        run_id: event.runId ?? null,
        job_id: event.jobId ?? null,
        attempt_id: event.attemptId ?? null,
        agent_id: event.agentId ?? null,
        data: rowJson(event.data ?? {}),
      })),
    )
    .execute();
}
