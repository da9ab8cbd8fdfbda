import type { DurationRecord } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

const PER_POOL_MAX = 1_000;

/** How long the last jobs of every pool had an agent, the newest first. Those that were cancelled tell nothing. */
export async function readPoolDurations(db: Database): Promise<DurationRecord[]> {
  const { rows } = await sql<DurationRecord>`
    select j.repository_id as "repositoryId", j.key, h.pool, h.ms as "durationMs"
    from pools p cross join lateral (
      select t.job_id, t.pool, t.offered_at, (extract(epoch from t.finished_at - t.offered_at) * 1000)::float8 as ms
      from attempts t
      where t.pool = p.name and t.state = 'finished' and t.outcome in ('succeeded', 'failed')
      order by t.offered_at desc limit ${PER_POOL_MAX}
    ) h join jobs j on j.id = h.job_id
    order by h.offered_at desc`.execute(db);
  return rows;
}
