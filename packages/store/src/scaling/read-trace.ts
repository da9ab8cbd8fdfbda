import type { JobId, TraceJob } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface RecordedHistory {
  /** In the order in which they were ready; the newest when there are more than TRACE_JOBS_MAX. */
  readonly jobs: readonly TraceJob[];
  readonly isCut: boolean;
  /** From the request for each machine (or the join of an agent by hand) until its end, within the time, together. */
  readonly agentMs: number;
  readonly agentsMax: number;
}

/** More jobs than this are not replayed. */
export const TRACE_JOBS_MAX = 20_000;

interface TraceRow extends Omit<TraceJob, "needs"> {
  readonly needs: JobId[] | null;
}

/**
 * The recorded history of a pool since a time: jobs that it ran to an end, and what its agents cost. It is read from the
 * rows of attempts and machines, which the farm keeps anyway, by the index of the pool's attempts.
 */
export async function readHistory(
  db: Database,
  options: { readonly pool: string; readonly fromMs: number; readonly toMs: number },
): Promise<RecordedHistory> {
  const { pool } = options;
  const from = sql`to_timestamp(${options.fromMs}::float8 / 1000)`;
  const to = sql`to_timestamp(${options.toMs}::float8 / 1000)`;
  const { rows } = await sql<TraceRow>`
    with ran as (
      select t.job_id, t.offered_at, t.finished_at from attempts t
      where t.pool = ${pool} and t.state = 'finished' and t.offered_at >= ${from} and t.offered_at < ${to}
      order by t.offered_at desc limit ${TRACE_JOBS_MAX + 1}
    )
    select j.id as "jobId", j.repository_id as "repositoryId", j.owner, j.key, s.labels, j.priority, j.trust,
      j.preferred_pool as "preferredPool",
      (select array_agg(n.needs_job_id::int8) from job_needs n where n.job_id = j.id) as needs,
      (extract(epoch from j.queued_at) * 1000)::float8 as "readyAtMs",
      (extract(epoch from r.offered_at) * 1000)::float8 as "grantedAtMs",
      (extract(epoch from r.finished_at - r.offered_at) * 1000)::float8 as "runMs",
      (extract(epoch from r.finished_at) * 1000)::float8 as "endedAtMs"
    from ran r join jobs j on j.id = r.job_id join label_sets s on s.id = j.label_set_id
    order by j.queued_at, j.id`.execute(db);
  const agents = await readAgentSpans(db, options);
  return {
    jobs: rows.slice(-TRACE_JOBS_MAX).map((row) => ({ ...row, needs: (row.needs ?? []).map(Number) as JobId[] })),
    isCut: rows.length > TRACE_JOBS_MAX,
    ...agents,
  };
}

async function readAgentSpans(
  db: Database,
  options: { readonly pool: string; readonly fromMs: number; readonly toMs: number },
): Promise<{ readonly agentMs: number; readonly agentsMax: number }> {
  const { pool, fromMs, toMs } = options;
  const { rows } = await sql<{ agentMs: number; agentsMax: number }>`
    with span as (
      select greatest(m.requested_at, w.from_at) as from_at, least(coalesce(m.ended_at, w.to_at), w.to_at) as to_at
      from machines m, (select to_timestamp(${fromMs}::float8 / 1000) as from_at, to_timestamp(${toMs}::float8 / 1000) as to_at) w
      where m.pool = ${pool} and m.requested_at < w.to_at and (m.ended_at is null or m.ended_at > w.from_at)
      union all
      select greatest(a.created_at, w.from_at), least(coalesce(a.removed_at, a.lost_at, w.to_at), w.to_at)
      from agents a, (select to_timestamp(${fromMs}::float8 / 1000) as from_at, to_timestamp(${toMs}::float8 / 1000) as to_at) w
      where a.pool = ${pool} and a.machine_id is null and a.connected_at is not null and a.created_at < w.to_at
        and coalesce(a.removed_at, a.lost_at, w.to_at) > w.from_at
    ),
    change as (
      select from_at as at, 1 as delta from span union all select to_at, -1 from span
    )
    select coalesce((select sum(extract(epoch from to_at - from_at)) * 1000 from span), 0)::float8 as "agentMs",
      coalesce((select max(open) from (select sum(delta) over (order by at, delta) as open from change) o), 0)::int
        as "agentsMax"`.execute(db);
  return rows[0] ?? { agentMs: 0, agentsMax: 0 };
}
