import type { Trust } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** Jobs in the queue that wait for the same, as far as they themselves say. */
export interface QueuedCount {
  readonly labels: readonly string[];
  readonly trust: Trust;
  readonly isCancelRequested: boolean;
  readonly isHeld: boolean;
  readonly isTriedLater: boolean;
  /** As many of its matrix run as may. */
  readonly isMatrixFull: boolean;
  /** As many of its repository run as may. */
  readonly isRepositoryFull: boolean;
  readonly count: number;
}

/** The whole queue, counted in one statement. */
export async function countQueued(db: Database): Promise<QueuedCount[]> {
  const { rows } = await sql<QueuedCount>`
    with full_matrix as (
      select b.run_id, b.run_attempt, b.key from jobs b
      where b.state in ('leased', 'running') and b.max_parallel < b.matrix_total
      group by b.run_id, b.run_attempt, b.key having count(*) >= max(b.max_parallel)
    ),
    full_repository as (
      select p.id from repositories p join jobs b on b.repository_id = p.id
      where p.jobs_max is not null and b.state in ('leased', 'running') and b.kind = 'ordinary'
      group by p.id having count(*) >= p.jobs_max
    ),
    queued as (
      select j.label_set_id, j.trust, j.cancel_requested_at is not null as is_cancel_requested,
        j.held_reason is not null as is_held, coalesce(j.not_before > clock_timestamp(), false) as is_tried_later,
        j.max_parallel is not null and (j.run_id, j.run_attempt, j.key) in (select * from full_matrix) as is_matrix_full,
        j.repository_id in (select id from full_repository) as is_repository_full, count(*)::int as count
      from jobs j where j.state = 'queued' group by 1, 2, 3, 4, 5, 6, 7
    )
    select s.labels, q.trust, q.is_cancel_requested as "isCancelRequested", q.is_held as "isHeld",
      q.is_tried_later as "isTriedLater", q.is_matrix_full as "isMatrixFull", q.is_repository_full as "isRepositoryFull",
      q.count
    from queued q join label_sets s on s.id = q.label_set_id`.execute(db);
  return rows;
}
