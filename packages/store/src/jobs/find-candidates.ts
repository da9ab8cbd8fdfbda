import type { JobId, RepositoryId, Trust } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface CandidateRow {
  readonly jobId: JobId;
  readonly runId: number;
  readonly repositoryId: RepositoryId;
  readonly owner: string;
  readonly labels: string[];
  readonly priority: number;
  readonly waitedMs: number;
  readonly preferredPool: string | null;
  readonly trust: Trust;
  readonly siblingKey: string | null;
  readonly siblingsLeft: number | null;
  /** Leased and running jobs, for the fair share. */
  readonly openOfRepository: number;
  readonly openOfOwner: number;
}

export interface FindCandidatesOptions {
  /** The distinct label lists of the agents that are free, in lower case. */
  readonly agentLabels: readonly (readonly string[])[];
  /** How many rows of each repository and label set to look at, by priority; a few of the oldest come on top. */
  readonly perRepositoryMax: number;
  /** Whether untrusted jobs are among what may be granted; they are when absent. */
  readonly untrustedAllowed?: boolean;
}

const OLDEST_MAX = 4;
/** No label may hold it, so that a list of labels travels as one text. */
const SEPARATOR = "\u001f";

/**
 * A bounded window of the queue: of every repository that has jobs for these labels, the first by priority and the
 * oldest. The recursive part jumps from repository to repository through the queue's index, and the window stops after
 * its first rows, so that neither rows no agent here can run nor rows that rank lower cost anything.
 */
export async function findCandidates(db: Database, options: FindCandidatesOptions): Promise<CandidateRow[]> {
  const startable = sql`(j.trust = 'trusted' or ${options.untrustedAllowed ?? true})
              and (j.max_parallel is null or not exists (
                select from full_matrix f
                where f.run_id = j.run_id and f.run_attempt = j.run_attempt and f.key = j.key))`;
  const { rows } = await sql<CandidateRow>`
    with recursive sets as (
      select s.id, s.labels from label_sets s
      where exists (
        select from unnest(${options.agentLabels.map((labels) => labels.join(SEPARATOR))}::text[]) a (labels)
        where s.labels <@ string_to_array(a.labels, ${SEPARATOR})
      )
    ),
    heads (label_set_id, repository_id) as (
      select s.id, (
        select j.repository_id from jobs j where j.state = 'queued' and j.label_set_id = s.id
        order by j.repository_id limit 1
      ) from sets s
      union all
      select h.label_set_id, (
        select j.repository_id from jobs j
        where j.state = 'queued' and j.label_set_id = h.label_set_id and j.repository_id > h.repository_id
        order by j.repository_id limit 1
      ) from heads h where h.repository_id is not null
    ),
    -- matrices that may start no more jobs now: their queued ones must not fill the window
    full_matrix as (
      select b.run_id, b.run_attempt, b.key from jobs b
      where b.state in ('leased', 'running') and b.max_parallel < b.matrix_total
      group by b.run_id, b.run_attempt, b.key having count(*) >= max(b.max_parallel)
    ),
    queue as (
      select q.* from heads h cross join lateral (
        (select j.id from jobs j
          where j.state = 'queued' and j.label_set_id = h.label_set_id and j.repository_id = h.repository_id
            and j.cancel_requested_at is null and j.held_reason is null
            and (j.not_before is null or j.not_before <= clock_timestamp())
            and ${startable}
          order by j.priority desc, j.id limit ${options.perRepositoryMax})
        union
        (select j.id from jobs j
          where j.state = 'queued' and j.label_set_id = h.label_set_id and j.repository_id = h.repository_id
            and j.cancel_requested_at is null and j.held_reason is null
            and (j.not_before is null or j.not_before <= clock_timestamp())
            and ${startable}
          order by j.queued_at, j.id limit ${OLDEST_MAX})
      ) w join jobs q on q.id = w.id
      where h.repository_id is not null
    ),
    open as (
      select j.repository_id, j.owner, count(*)::int as jobs_count from jobs j
      where j.state in ('leased', 'running') and j.kind = 'ordinary' group by j.repository_id, j.owner
    )
    select q.id as "jobId", q.run_id as "runId", q.repository_id as "repositoryId", q.owner, s.labels, q.priority,
      (extract(epoch from clock_timestamp() - q.queued_at) * 1000)::float8 as "waitedMs",
      q.preferred_pool as "preferredPool", q.trust,
      case when q.max_parallel < q.matrix_total then q.run_id || '/' || q.run_attempt || '/' || q.key end as "siblingKey",
      case when q.max_parallel < q.matrix_total then q.max_parallel - (
        select count(*) from jobs b where b.run_id = q.run_id and b.run_attempt = q.run_attempt and b.key = q.key
          and b.state in ('leased', 'running'))::int end as "siblingsLeft",
      coalesce((select o.jobs_count from open o where o.repository_id = q.repository_id), 0) as "openOfRepository",
      coalesce((select sum(o.jobs_count)::int from open o where o.owner = q.owner), 0) as "openOfOwner"
    from queue q join sets s on s.id = q.label_set_id`.execute(db);
  return rows;
}
