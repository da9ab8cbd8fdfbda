import { TOP_PRIORITY } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { appendEvents } from "../events/append-events.ts";

export interface MovedJob {
  readonly before: number;
  readonly after: number;
}

/**
 * Puts a job before all that wait, those that were moved to the top earlier included. Undefined when it does not wait any
 * more: an agent has it, or it is finished.
 */
export async function moveJobToTop(
  tx: Tx,
  move: { readonly jobId: number; readonly by: string },
): Promise<MovedJob | undefined> {
  // two that move at the same time must not come out at one place
  await sql`select pg_advisory_xact_lock(7010109)`.execute(tx);
  const { rows } = await sql<MovedJob & { readonly runId: number; readonly repositoryId: number }>`
    with top as (
      select greatest(${TOP_PRIORITY}::int, coalesce(-min(-j.priority), 0) + 1) as priority
      from jobs j where j.state in ('blocked', 'queued', 'leased') and -j.priority <= ${-TOP_PRIORITY}::int
    ),
    old as (
      select j.id, j.priority from jobs j where j.id = ${move.jobId} and j.state in ('blocked', 'queued') for update
    )
    update jobs j set priority = top.priority from top, old where j.id = old.id
    returning old.priority as before, j.priority as after, j.run_id as "runId", j.repository_id as "repositoryId"`.execute(
    tx,
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { before, after, runId, repositoryId } = row;
  await appendEvents(tx, [
    { kind: "job_moved_to_top", jobId: move.jobId, runId, repositoryId, data: { by: move.by, priority: after } },
  ]);
  return { before, after };
}
