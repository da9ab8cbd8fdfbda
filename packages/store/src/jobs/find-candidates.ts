import type { AgentId, JobId, RepositoryId, Trust } from "@windrow/model";
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
}

export interface RepositoryShareRow {
  readonly repositoryId: RepositoryId;
  readonly owner: string;
  readonly ownerWeight: number;
  /** Leased and running jobs, in all pools. */
  readonly ownerOpen: number;
  readonly weight: number;
  readonly open: number;
  /** How many more may run at once; null: any number. */
  readonly jobsLeft: number | null;
  /** Those of the agents asked about that worked on it before. */
  readonly warmAgentIds: AgentId[];
}

export interface CandidateWindow {
  readonly candidates: readonly CandidateRow[];
  /** Of every repository among the candidates. */
  readonly repositories: readonly RepositoryShareRow[];
  /** A repository with so many candidates may have more. */
  readonly perRepository: number;
  /** How many more jobs the pool may run; null: as many as it has slots. */
  readonly poolJobsLeft: number | null;
}

export interface FindCandidatesOptions {
  readonly pool: string;
  /** The distinct label lists of the agents that are free, in lower case. */
  readonly agentLabels: readonly (readonly string[])[];
  /** Agents that are free: which of them are warm is told. None need be named when there is no choice. */
  readonly agentIds?: readonly AgentId[];
  /** How many rows of each repository and label set to look at, by priority; a few of the oldest come on top. */
  readonly perRepositoryMax: number;
  /** Whether untrusted jobs are among what may be granted; they are when absent. */
  readonly untrustedAllowed?: boolean;
}

const OLDEST_MAX = 4;
const OLDEST_WINDOW_MAX = 256;
/** Rows in the window, as long as there are fewer repositories (times label sets): each shows two at least. */
const WINDOW_MAX = 1_024;
/** Warm agents to choose from, of each repository. */
const WARM_MAX = 16;
/** Named once for both halves of the window, which are made one: a join back to the rows would read them again. */
const COLUMNS = sql`j.id, j.run_id, j.run_attempt, j.key, j.repository_id, j.owner, j.priority, j.queued_at, j.preferred_pool,
          j.trust, j.max_parallel, j.matrix_total`;
/** No label may hold it, so that a list of labels travels as one text. */
const SEPARATOR = "\u001f";

/**
 * A bounded window of the queue: of every repository that has jobs for these labels, the first by priority and the
 * oldest. The recursive part jumps from repository to repository through the queue's index, and the window stops after
 * its first rows, so that neither rows no agent here can run nor rows that rank lower cost anything. Repositories that
 * run as many jobs as they may are left out. The answer is one row of JSON: it is read faster than many rows.
 */
export async function findCandidates(db: Database, options: FindCandidatesOptions): Promise<CandidateWindow> {
  const startable = sql`j.cancel_requested_at is null and j.held_reason is null
            and (j.not_before is null or j.not_before <= clock_timestamp())
            and (j.trust = 'trusted' or ${options.untrustedAllowed ?? true})
            and (j.max_parallel is null or not exists (
              select from full_matrix f
              where f.run_id = j.run_id and f.run_attempt = j.run_attempt and f.key = j.key))`;
  const { rows } = await sql<CandidateWindow>`
    with recursive queued (id) as (
      (select j.label_set_id from jobs j where j.state = 'queued' order by j.label_set_id limit 1)
      union all
      select (select j.label_set_id from jobs j where j.state = 'queued' and j.label_set_id > q.id
        order by j.label_set_id limit 1)
      from queued q where q.id is not null
    ),
    agent_labels as materialized (
      select string_to_array(a.labels, ${SEPARATOR}) as labels
      from unnest(${options.agentLabels.map((labels) => labels.join(SEPARATOR))}::text[]) a (labels)
    ),
    -- what nobody asks for now is not compared: every agent has labels of its own, and a farm remembers what it was ever asked
    sets as (
      select s.id, s.labels from queued q join label_sets s on s.id = q.id
      where exists (select from agent_labels a where s.labels <@ a.labels)
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
    open as materialized (
      select j.repository_id, j.owner, count(*)::int as jobs_count from jobs j
      where j.state in ('leased', 'running') and j.kind = 'ordinary' group by j.repository_id, j.owner
    ),
    share as materialized (
      select r.id, r.owner, r.weight, r.jobs_max, coalesce(o.jobs_count, 0) as jobs_count
      from (select distinct repository_id from heads where repository_id is not null) h
      join repositories r on r.id = h.repository_id left join open o on o.repository_id = r.id
      where r.jobs_max is null or coalesce(o.jobs_count, 0) < r.jobs_max
    ),
    -- matrices that may start no more jobs now: their queued ones must not fill the window
    full_matrix as (
      select b.run_id, b.run_attempt, b.key from jobs b
      where b.state in ('leased', 'running') and b.max_parallel < b.matrix_total
      group by b.run_id, b.run_attempt, b.key having count(*) >= max(b.max_parallel)
    ),
    bound as (
      select greatest(1, least(${options.perRepositoryMax}::int, ${WINDOW_MAX}::int / greatest(1, count(*))))::int as per_head,
        least(${OLDEST_MAX}::int, greatest(1, ${OLDEST_WINDOW_MAX}::int / greatest(1, count(*))))::int as oldest
      from heads
    ),
    queue as (
      select w.*, h.label_set_id as set_id from heads h join share on share.id = h.repository_id
      cross join lateral (
        (select ${COLUMNS} from jobs j
          where j.state = 'queued' and j.label_set_id = h.label_set_id and j.repository_id = h.repository_id
            and ${startable}
          order by j.priority desc, j.id limit (select per_head from bound))
        union
        (select ${COLUMNS} from jobs j
          where j.state = 'queued' and j.label_set_id = h.label_set_id and j.repository_id = h.repository_id
            and ${startable}
          order by j.queued_at, j.id limit (select oldest from bound))
      ) w
    )
    select (select per_head from bound) as "perRepository",
      (select (p.jobs_max - (
          select count(*) from attempts t where t.pool = p.name and t.state in ('offered', 'running')))::int
        from pools p where p.name = ${options.pool} and p.jobs_max is not null) as "poolJobsLeft",
      coalesce((select json_agg(json_build_object('jobId', q.id, 'runId', q.run_id, 'repositoryId', q.repository_id,
        'owner', q.owner, 'labels', s.labels, 'priority', q.priority,
        'waitedMs', (extract(epoch from clock_timestamp() - q.queued_at) * 1000)::float8,
        'preferredPool', q.preferred_pool, 'trust', q.trust,
        'siblingKey', case when q.max_parallel < q.matrix_total then q.run_id || '/' || q.run_attempt || '/' || q.key end,
        'siblingsLeft', case when q.max_parallel < q.matrix_total then q.max_parallel - (
          select count(*) from jobs b where b.run_id = q.run_id and b.run_attempt = q.run_attempt and b.key = q.key
            and b.state in ('leased', 'running'))::int end))
        from queue q join sets s on s.id = q.set_id), '[]') as candidates,
      coalesce((select json_agg(json_build_object('repositoryId', h.id, 'owner', h.owner, 'ownerWeight', w.weight,
        'ownerOpen', coalesce((select sum(o.jobs_count) from open o where o.owner = h.owner), 0),
        'weight', h.weight, 'open', h.jobs_count, 'jobsLeft', h.jobs_max - h.jobs_count,
        'warmAgentIds', array(
          select v.agent_id from agent_repositories v
          where v.repository_id = h.id and v.agent_id = any (${options.agentIds ?? []}::uuid[])
          order by v.agent_id limit ${WARM_MAX})))
        from share h join owners w on w.name = h.owner), '[]') as repositories`.execute(db);
  const [window] = rows;
  if (window === undefined) throw new Error("a select without from has one row");
  return window;
}
