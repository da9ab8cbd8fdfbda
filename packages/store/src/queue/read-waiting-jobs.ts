import type { WaitingJob } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** Of the needs of one job that have not ended. */
const NEEDS_NAMED_MAX = 3;

interface WaitingRow extends Omit<WaitingJob, "group" | "siblings" | "retry" | "repositoryJobs"> {
  readonly jobId: number;
  readonly groupName: string | null;
  readonly holderRunId: number | null;
  readonly holderJobName: string | null;
  readonly groupAheadCount: number;
  readonly parallelMax: number | null;
  readonly siblingsOpen: number;
  readonly retryInMs: number | null;
  readonly tryNo: number;
  readonly repositoryJobsMax: number | null;
  readonly repositoryJobsOpen: number;
}

/** What keeps each of these jobs from running, by id; those that run or are finished are left out. One statement. */
export async function readWaitingJobs(
  db: Database | Tx,
  jobIds: readonly number[],
): Promise<ReadonlyMap<number, WaitingJob>> {
  if (jobIds.length === 0) return new Map();
  const { rows } = await sql<WaitingRow>`
    select j.id as "jobId", j.state, j.kind = 'call' as "isCall", j.key, r.workflow_path as "workflowPath",
      p.owner || '/' || p.name as repository, coalesce(s.labels, '{}') as labels, j.trust,
      j.cancel_requested_at is not null or r.cancel_requested_at is not null or coalesce(g.state = 'replaced', false)
        as "isCancelRequested",
      case when r.state = 'waiting' then coalesce(r.waiting_reason, 'its turn') end as "runWaitsFor",
      g.group_key as "groupName", g.holder_run_id as "holderRunId", g.holder_job_name as "holderJobName",
      coalesce(g.ahead_count, 0)::int as "groupAheadCount", j.held_reason as "heldReason",
      coalesce(n.open_count, 0)::int as "needsOpenCount", coalesce(n.open, '[]') as "needsOpen",
      case when j.max_parallel < j.matrix_total then j.max_parallel end as "parallelMax",
      case when j.max_parallel < j.matrix_total then (
        select count(*)::int from jobs b where b.run_id = j.run_id and b.run_attempt = j.run_attempt and b.key = j.key
          and b.state in ('leased', 'running')) else 0 end as "siblingsOpen",
      case when j.not_before > clock_timestamp()
        then (extract(epoch from j.not_before - clock_timestamp()) * 1000)::float8 end as "retryInMs",
      j.attempt_count + 1 as "tryNo", p.jobs_max as "repositoryJobsMax",
      case when p.jobs_max is null then 0 else (
        select count(*)::int from jobs o where o.repository_id = p.id and o.state in ('leased', 'running')
          and o.kind = 'ordinary') end as "repositoryJobsOpen",
      case when j.state = 'leased' then (
        select a.name from attempts t join agents a on a.id = t.agent_id
        where t.job_id = j.id and t.state in ('offered', 'running') limit 1) end as "offeredTo"
    from jobs j join runs r on r.id = j.run_id join repositories p on p.id = j.repository_id
    left join label_sets s on s.id = j.label_set_id
    left join lateral (
      select count(*) as open_count,
        jsonb_agg(jsonb_build_object('name', o.name, 'isRunning', o.state in ('leased', 'running')) order by o.id)
          filter (where o.place <= ${NEEDS_NAMED_MAX}) as open
      from (
        select k.id, k.name, k.state, row_number() over (order by k.id) as place
        from job_needs d join jobs k on k.id = d.needs_job_id where d.job_id = j.id and k.state <> 'finished'
      ) o
    ) n on j.state = 'blocked'
    -- its own entry, or its run's, and whoever has the group
    left join lateral (
      select e.group_key, e.state, h.run_id as holder_run_id, k.name as holder_job_name,
        (select count(*) from concurrency_entries b where b.repository_id = e.repository_id and b.group_key = e.group_key
          and b.state in ('requested', 'pending') and b.id < e.id) as ahead_count
      from concurrency_entries e
      left join concurrency_entries h on h.repository_id = e.repository_id and h.group_key = e.group_key
        and h.state = 'holding' and h.id <> e.id
      left join jobs k on k.id = h.job_id
      where e.run_id = j.run_id
        and case when r.state = 'waiting' then e.job_id is null else e.job_id = j.id and j.held_reason is not null end
      limit 1
    ) g on true
    where j.id = any (${[...jobIds]}::bigint[]) and j.state in ('blocked', 'queued', 'leased')`.execute(db);
  return new Map(rows.map((row) => [row.jobId, toWaitingJob(row)]));
}

function toWaitingJob(row: WaitingRow): WaitingJob {
  const { groupName, holderRunId, holderJobName, parallelMax, retryInMs } = row;
  return {
    state: row.state,
    isCall: row.isCall,
    key: row.key,
    workflowPath: row.workflowPath,
    repository: row.repository,
    labels: row.labels,
    trust: row.trust,
    isCancelRequested: row.isCancelRequested,
    runWaitsFor: row.runWaitsFor,
    group:
      groupName === null
        ? null
        : {
            name: groupName,
            holder: holderRunId === null ? null : { runId: holderRunId, jobName: holderJobName },
            aheadCount: row.groupAheadCount,
          },
    heldReason: row.heldReason,
    needsOpenCount: row.needsOpenCount,
    needsOpen: row.needsOpen,
    siblings: parallelMax === null ? null : { max: parallelMax, openCount: row.siblingsOpen },
    retry: retryInMs === null ? null : { no: row.tryNo, inMs: retryInMs },
    repositoryJobs: { max: row.repositoryJobsMax, openCount: row.repositoryJobsOpen },
    offeredTo: row.offeredTo,
  };
}
