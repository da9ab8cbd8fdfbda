import type { Candidate, RepositoryId, RepositoryShare } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** Jobs further back than this have no place: by priority, then by age. */
export const QUEUE_RANKED_MAX = 2_000;

export interface RankedJob extends Omit<Candidate, "siblingLimit"> {
  readonly key: string;
}

/** What could be granted now, for ranking: jobs that are held, or tried again later, are left out. */
export async function readRankedJobs(db: Database): Promise<RankedJob[]> {
  const { rows } = await sql<RankedJob>`
    select j.id as "jobId", j.repository_id as "repositoryId", j.owner, s.labels, j.priority, j.key,
      (extract(epoch from clock_timestamp() - j.queued_at) * 1000)::float8 as "waitedMs",
      j.preferred_pool as "preferredPool", j.trust
    from jobs j join label_sets s on s.id = j.label_set_id
    where j.state = 'queued' and j.cancel_requested_at is null and j.held_reason is null
      and (j.not_before is null or j.not_before <= clock_timestamp())
    order by j.priority desc, j.queued_at, j.id limit ${QUEUE_RANKED_MAX}`.execute(db);
  return rows;
}

/** The shares of these repositories, as the fair share counts them. */
export async function readShares(
  db: Database,
  repositoryIds: readonly RepositoryId[],
): Promise<ReadonlyMap<RepositoryId, RepositoryShare>> {
  if (repositoryIds.length === 0) return new Map();
  const { rows } = await sql<RepositoryShare & { readonly id: RepositoryId }>`
    with open as (
      select j.repository_id, j.owner, count(*)::int as count from jobs j
      where j.state in ('leased', 'running') and j.kind = 'ordinary' group by j.repository_id, j.owner
    )
    select p.id, p.owner, o.weight as "ownerWeight", p.weight, p.jobs_max - coalesce(k.count, 0) as "jobsLeft",
      coalesce(k.count, 0) as open, '{}'::uuid[] as "warmAgentIds",
      coalesce((select sum(k.count)::int from open k where k.owner = p.owner), 0) as "ownerOpen"
    from repositories p join owners o on o.name = p.owner left join open k on k.repository_id = p.id
    where p.id = any (${[...repositoryIds]}::bigint[])`.execute(db);
  return new Map(rows.map(({ id, ...share }) => [id, share]));
}

/** An attempt that an agent has now. */
export interface OpenWork {
  readonly repositoryId: RepositoryId;
  readonly key: string;
  readonly pool: string;
  /** Of its agent. */
  readonly agentLabels: readonly string[];
  readonly elapsedMs: number;
}

const OPEN_WORK_MAX = 5_000;

/** What runs on agents that take work again, for knowing when its slots are free. */
export async function readOpenWork(db: Database): Promise<OpenWork[]> {
  const { rows } = await sql<OpenWork>`
    select j.repository_id as "repositoryId", j.key, t.pool, a.effective_labels as "agentLabels",
      (extract(epoch from clock_timestamp() - coalesce(t.started_at, clock_timestamp())) * 1000)::float8 as "elapsedMs"
    from attempts t join jobs j on j.id = t.job_id join agents a on a.id = t.agent_id
    where t.state in ('offered', 'running') and a.state = 'ready' and not a.drain_requested and a.disabled_at is null
    limit ${OPEN_WORK_MAX}`.execute(db);
  return rows;
}

export interface JobKind {
  readonly repositoryId: RepositoryId;
  readonly key: string;
}

export const jobKindKey = ({ repositoryId, key }: JobKind): string => `${repositoryId}/${key}`;

const DURATIONS_READ_MAX = 20;
/** What is known of further kinds is not looked up: whoever waits behind so many is given no estimate. */
const KINDS_READ_MAX = 500;

/** How long the latest jobs of these kinds took, ms, by `jobKindKey`. Those that were cancelled say nothing. */
export async function readDurations(
  db: Database,
  kinds: readonly JobKind[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const wanted = [...new Map(kinds.map((kind) => [jobKindKey(kind), kind])).values()].slice(0, KINDS_READ_MAX);
  if (wanted.length === 0) return new Map();
  const { rows } = await sql<JobKind & { readonly durations: number[] }>`
    select w.repository_id as "repositoryId", w.key, jsonb_agg(d.ms) as durations
    from unnest(${wanted.map((kind) => kind.repositoryId)}::bigint[], ${wanted.map((kind) => kind.key)}::text[])
      as w (repository_id, key)
    cross join lateral (
      select extract(epoch from j.finished_at - j.started_at) * 1000 as ms from jobs j
      where j.repository_id = w.repository_id and j.key = w.key and j.state = 'finished' and j.started_at is not null
        and j.copied_from is null and j.outcome in ('succeeded', 'failed')
      order by j.finished_at desc limit ${DURATIONS_READ_MAX}
    ) d
    group by w.repository_id, w.key`.execute(db);
  return new Map(rows.map((row) => [jobKindKey(row), row.durations]));
}
