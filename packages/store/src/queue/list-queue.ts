import type { JobState } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** A job that waits, as people see it. */
export interface QueueRow {
  readonly jobId: number;
  readonly runId: number;
  readonly owner: string;
  readonly repository: string;
  readonly workflowName: string;
  readonly key: string;
  readonly name: string;
  readonly state: JobState;
  readonly labels: readonly string[];
  readonly priority: number;
  /** Since it is in the queue; of one that is not there yet, since it was made. */
  readonly waitingSince: Date;
}

export interface QueueFilter {
  readonly owner?: string | undefined;
  /** `owner/name` */
  readonly repository?: string | undefined;
  /** Jobs that are not in the queue yet, too: they wait for needs, groups or people. */
  readonly withBlocked: boolean;
  /** Only those after this one. */
  readonly after?: { readonly priority: number; readonly jobId: number } | undefined;
  readonly limit: number;
}

/** What waits, by priority, then the oldest first. */
export async function listQueue(db: Database, filter: QueueFilter): Promise<QueueRow[]> {
  const { after, owner, repository } = filter;
  const [repositoryOwner, repositoryName] = repository?.split("/") ?? [];
  const states = filter.withBlocked ? sql`('blocked', 'queued', 'leased')` : sql`('queued', 'leased')`;
  const { rows } = await sql<QueueRow>`
    select j.id as "jobId", j.run_id as "runId", j.owner, p.owner || '/' || p.name as repository,
      r.workflow_name as "workflowName", j.key, j.name, j.state, coalesce(s.labels, '{}') as labels, j.priority,
      coalesce(j.queued_at, j.created_at) as "waitingSince"
    from jobs j join runs r on r.id = j.run_id join repositories p on p.id = j.repository_id
    left join label_sets s on s.id = j.label_set_id
    where j.state in ${states}
      ${owner === undefined ? sql`` : sql`and j.owner = ${owner}`}
      ${repository === undefined ? sql`` : sql`and p.owner = ${repositoryOwner ?? ""} and p.name = ${repositoryName ?? ""}`}
      ${after === undefined ? sql`` : sql`and (-j.priority, j.id) > (${-after.priority}::int, ${after.jobId}::bigint)`}
    order by -j.priority, j.id limit ${filter.limit}`.execute(db);
  return rows;
}

/** One of them, whatever its state. */
export async function findQueueRow(db: Database, jobId: number): Promise<QueueRow | undefined> {
  const { rows } = await sql<QueueRow>`
    select j.id as "jobId", j.run_id as "runId", j.owner, p.owner || '/' || p.name as repository,
      r.workflow_name as "workflowName", j.key, j.name, j.state, coalesce(s.labels, '{}') as labels, j.priority,
      coalesce(j.queued_at, j.created_at) as "waitingSince"
    from jobs j join runs r on r.id = j.run_id join repositories p on p.id = j.repository_id
    left join label_sets s on s.id = j.label_set_id where j.id = ${jobId}`.execute(db);
  return rows[0];
}

/** The first job of the latest attempt of each run, by run. */
export async function listFirstJobs(db: Database, runIds: readonly number[]): Promise<ReadonlyMap<number, number>> {
  if (runIds.length === 0) return new Map();
  const { rows } = await sql<{ runId: number; jobId: number }>`
    select j.run_id as "runId", min(j.id) as "jobId" from jobs j join runs r on r.id = j.run_id
    where j.run_id = any (${[...runIds]}::bigint[]) and j.run_attempt = r.attempt group by j.run_id`.execute(db);
  return new Map(rows.map((row) => [row.runId, row.jobId]));
}
