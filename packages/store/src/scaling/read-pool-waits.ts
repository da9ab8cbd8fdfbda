import { sql } from "kysely";
import type { Database } from "../database.ts";

/** How long the jobs waited that a pool granted since some time. Percentiles are null of no jobs. */
export interface PoolWaits {
  readonly jobsCount: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly withinTargetPercent: number | null;
  /** Of 100 grants of that time, those to an agent that had worked on the repository before. */
  readonly warmPercent: number | null;
}

/** The newest grants that are looked at. */
export const WAITS_READ_MAX = 20_000;

/** Of first tries, from queued to offered, of the last `sinceMs` milliseconds. */
export async function readPoolWaits(
  db: Database,
  options: { readonly pool: string; readonly sinceMs: number; readonly targetWaitMs: number },
): Promise<PoolWaits> {
  const { pool, sinceMs, targetWaitMs } = options;
  const { rows } = await sql<PoolWaits>`
    with grant_of as (
      select extract(epoch from t.offered_at - j.queued_at) * 1000 as ms
      from attempts t join jobs j on j.id = t.job_id
      where t.pool = ${pool} and t.no = 1 and t.offered_at > clock_timestamp() - ${sinceMs}::float8 * interval '1 ms'
      order by t.offered_at desc limit ${WAITS_READ_MAX}
    )
    select count(*)::int as "jobsCount",
      percentile_disc(0.5) within group (order by ms)::float8 as "p50Ms",
      percentile_disc(0.95) within group (order by ms)::float8 as "p95Ms",
      percentile_disc(0.99) within group (order by ms)::float8 as "p99Ms",
      (avg(case when ms <= ${targetWaitMs}::float8 then 100 else 0 end))::float8 as "withinTargetPercent",
      (
        -- one whose grants are all of that time knew nothing at the first of them
        select (sum(g.count - case when u.grants_count <= g.count then 1 else 0 end) * 100.0 / sum(g.count))::float8
        from (
          select n.agent_id, j.repository_id, count(*) as count
          from (
            select t.agent_id, t.job_id from attempts t
            where t.pool = ${pool} and t.offered_at > clock_timestamp() - ${sinceMs}::float8 * interval '1 ms'
            order by t.offered_at desc limit ${WAITS_READ_MAX}
          ) n join jobs j on j.id = n.job_id
          group by n.agent_id, j.repository_id
        ) g join agent_repositories u on u.agent_id = g.agent_id and u.repository_id = g.repository_id
      ) as "warmPercent"
    from grant_of`.execute(db);
  return rows[0] ?? NO_WAITS;
}

const NO_WAITS: PoolWaits = {
  jobsCount: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  withinTargetPercent: null,
  warmPercent: null,
};
