import type { JobId, RepositoryId, Trust } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** A queued job that nothing but the lack of an agent, or a delay, keeps from starting. */
export interface QueuedDemandRow {
  readonly jobId: JobId;
  readonly repositoryId: RepositoryId;
  readonly key: string;
  readonly labels: string[];
  readonly trust: Trust;
  readonly preferredPool: string | null;
  readonly waitedMs: number;
  /** When it may be tried again; 0 for now. */
  readonly inMs: number;
  readonly siblingKey: string | null;
  readonly siblingsLeft: number | null;
}

/** A job that waits for others, with those that have not ended. */
export interface BlockedDemandRow {
  readonly jobId: JobId;
  readonly repositoryId: RepositoryId;
  readonly key: string;
  readonly trust: Trust;
  readonly needs: readonly BlockedNeed[];
}

export interface BlockedNeed {
  readonly jobId: JobId;
  readonly repositoryId: RepositoryId;
  readonly key: string;
  readonly isCall: boolean;
  /** An agent has it, or it is queued: then it is about to be had. */
  readonly isOpen: boolean;
  /** How long an agent has had it. */
  readonly forMs: number;
  readonly pool: string | null;
}

export interface Demand {
  readonly queued: readonly QueuedDemandRow[];
  readonly blocked: readonly BlockedDemandRow[];
  /** How many more jobs each repository may run at once; those without a limit are absent. */
  readonly repositoryLeft: readonly { readonly repositoryId: RepositoryId; readonly left: number }[];
}

const QUEUED_MAX = 4_000;
const QUEUED_OF_HEAD_MIN = 8;
const BLOCKED_MAX = 2_000;

/**
 * What the farm's jobs want: a bounded part of the queue (of every repository and label set its first rows, who waited
 * longest first), and jobs whose needs run. One statement, whatever the number of pools.
 */
export async function readDemand(db: Database): Promise<Demand> {
  const { rows } = await sql<Demand>`
    with recursive head (label_set_id, repository_id) as (
      (select j.label_set_id, j.repository_id from jobs j where j.state = 'queued'
        order by j.label_set_id, j.repository_id limit 1)
      union all
      select n.label_set_id, n.repository_id from head h cross join lateral (
        select j.label_set_id, j.repository_id from jobs j
        where j.state = 'queued' and (j.label_set_id, j.repository_id) > (h.label_set_id, h.repository_id)
        order by j.label_set_id, j.repository_id limit 1
      ) n
    ),
    bound as (
      select greatest(${QUEUED_OF_HEAD_MIN}::int, ${QUEUED_MAX}::int / greatest(1, count(*)))::int as per_head from head
    ),
    queue as (
      select q.* from head h cross join lateral (
        select j.* from jobs j
        where j.state = 'queued' and j.label_set_id = h.label_set_id and j.repository_id = h.repository_id
          and j.cancel_requested_at is null and j.held_reason is null
        order by j.queued_at, j.id limit (select per_head from bound)
      ) q limit ${QUEUED_MAX}
    ),
    blocked as (
      select j.id, j.repository_id, j.key, j.trust from jobs j
      where j.state = 'blocked' and j.kind = 'ordinary' and j.held_reason is null and j.cancel_requested_at is null
        and exists (select from job_needs n join jobs d on d.id = n.needs_job_id
          where n.job_id = j.id and d.state in ('queued', 'leased', 'running'))
      order by j.run_id, j.id limit ${BLOCKED_MAX}
    )
    select
      coalesce((select json_agg(json_build_object('jobId', q.id, 'repositoryId', q.repository_id, 'key', q.key,
          'labels', s.labels, 'trust', q.trust, 'preferredPool', q.preferred_pool,
          'waitedMs', (extract(epoch from clock_timestamp() - q.queued_at) * 1000)::float8,
          'inMs', greatest(0, coalesce(extract(epoch from q.not_before - clock_timestamp()) * 1000, 0))::float8,
          'siblingKey', case when q.max_parallel < q.matrix_total then q.run_id || '/' || q.run_attempt || '/' || q.key end,
          'siblingsLeft', case when q.max_parallel < q.matrix_total then q.max_parallel - (
            select count(*) from jobs b where b.run_id = q.run_id and b.run_attempt = q.run_attempt and b.key = q.key
              and b.state in ('leased', 'running')) end) order by q.queued_at, q.id)
        from queue q join label_sets s on s.id = q.label_set_id), '[]') as queued,
      coalesce((select json_agg(json_build_object('jobId', b.id, 'repositoryId', b.repository_id, 'key', b.key,
          'trust', b.trust, 'needs', (
            select json_agg(json_build_object('jobId', d.id, 'repositoryId', d.repository_id, 'key', d.key,
              'isCall', d.kind = 'call', 'isOpen', d.state in ('queued', 'leased', 'running'), 'pool', t.pool,
              'forMs', coalesce(extract(epoch from clock_timestamp() - t.offered_at) * 1000, 0)::float8))
            from job_needs n join jobs d on d.id = n.needs_job_id
            left join attempts t on t.job_id = d.id and t.state in ('offered', 'running')
            where n.job_id = b.id and d.state <> 'finished')) order by b.id)
        from blocked b), '[]') as blocked,
      coalesce((select json_agg(json_build_object('repositoryId', r.id, 'left', greatest(0, r.jobs_max - (
            select count(*) from jobs o where o.repository_id = r.id and o.kind = 'ordinary'
              and o.state in ('leased', 'running')))))
        from repositories r where r.jobs_max is not null and r.id in (select repository_id from head)), '[]')
        as "repositoryLeft"`.execute(db);
  const [demand] = rows;
  if (demand === undefined) throw new Error("a select without from has one row");
  return demand;
}
