import type { ConcurrencyState, JobId } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** A concurrency group of one repository; the key is its name in lower case. */
export interface GroupRef {
  readonly repositoryId: number;
  readonly groupKey: string;
}

export interface NewEntry {
  readonly repositoryId: number;
  readonly group: string;
  readonly runId: number;
  /** Absent: the run itself asks. */
  readonly jobId?: number;
  readonly queue: "single" | "max";
  readonly cancelInProgress: boolean;
}

/** Names of groups are compared without case. */
export function groupKeyOf(group: string): string {
  return group.toLowerCase();
}

/** Asks for groups; whoever asked already goes on waiting as it does. What becomes of it is decided after the commit. */
export async function requestEntries(tx: Tx, entries: readonly NewEntry[]): Promise<GroupRef[]> {
  if (entries.length === 0) return [];
  await tx
    .insertInto("concurrency_entries")
    .values(
      entries.map((entry) => ({
        repository_id: entry.repositoryId,
        group_key: groupKeyOf(entry.group),
        run_id: entry.runId,
        job_id: entry.jobId ?? null,
        queue: entry.queue,
        cancel_in_progress: entry.cancelInProgress,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return entries.map(({ repositoryId, group }) => ({ repositoryId, groupKey: groupKeyOf(group) }));
}

export interface RunEntry {
  readonly jobId: JobId | null;
  readonly state: ConcurrencyState;
}

/** What a run and its jobs have asked for. */
export async function readRunEntries(tx: Tx, runId: number): Promise<RunEntry[]> {
  const { rows } = await sql<RunEntry>`
    select job_id as "jobId", state from concurrency_entries where run_id = ${runId}`.execute(tx);
  return rows;
}

/** Gives back the groups of what is finished of this run; they are to be looked at after the commit. */
export async function releaseEntries(tx: Tx, runId: number): Promise<GroupRef[]> {
  const { rows } = await sql<GroupRef>`
    delete from concurrency_entries e
    where e.id in (
      select k.id from concurrency_entries k join runs r on r.id = k.run_id left join jobs j on j.id = k.job_id
      where k.run_id = ${runId} and (r.state = 'finished' or j.state = 'finished') order by k.id for update of k
    )
    returning e.repository_id as "repositoryId", e.group_key as "groupKey"`.execute(tx);
  return rows;
}

export interface GroupEntry {
  readonly id: number;
  readonly runId: number;
  readonly jobId: JobId | null;
  readonly state: ConcurrencyState;
  readonly queue: "single" | "max";
  readonly cancelInProgress: boolean;
  readonly cancelReason: string | null;
  readonly createdAt: Date;
  /** The calls that the job stands in. */
  readonly insideOf: readonly number[];
}

/** Locks a group until the transaction ends and reads who asked for it, oldest first. Takes no other lock. */
export async function lockGroup(tx: Tx, { repositoryId, groupKey }: GroupRef): Promise<GroupEntry[]> {
  await sql`select pg_advisory_xact_lock(7010102, hashtext(${`${repositoryId}/${groupKey}`}))`.execute(tx);
  const { rows } = await sql<GroupEntry>`
    select e.id, e.run_id as "runId", e.job_id as "jobId", e.state, e.queue, e.cancel_in_progress as "cancelInProgress",
      e.cancel_reason as "cancelReason", e.created_at as "createdAt",
      coalesce((
        with recursive up (id) as (
          select j.parent_job_id from jobs j where j.id = e.job_id
          union all select j.parent_job_id from up join jobs j on j.id = up.id
        )
        select jsonb_agg(id) from up where id is not null
      ), '[]') as "insideOf"
    from concurrency_entries e
    where e.repository_id = ${repositoryId} and e.group_key = ${groupKey} order by e.id`.execute(tx);
  return rows;
}

export interface EntryChange {
  readonly id: number;
  readonly state: ConcurrencyState;
  /** Why the run or job is to be cancelled; null leaves what was said. */
  readonly cancelReason: string | null;
}

/**
 * Writes what was decided; the caller holds the group's lock. Entries that were given back meanwhile stay away. Rows are
 * locked in the order of their ids, as a run does that gives back entries of several groups.
 */
export async function changeEntries(tx: Tx, changes: readonly EntryChange[]): Promise<void> {
  if (changes.length === 0) return;
  const ids = changes.map((change) => change.id);
  await sql`select from concurrency_entries where id = any (${ids}::bigint[]) order by id for update`.execute(tx);
  await sql`
    update concurrency_entries e set state = c.state, cancel_reason = coalesce(e.cancel_reason, c.cancel_reason)
    from unnest(${ids}::bigint[], ${changes.map((change) => change.state)}::text[],
      ${changes.map((change) => change.cancelReason)}::text[]) as c (id, state, cancel_reason)
    where e.id = c.id`.execute(tx);
}

const GROUPS_MAX = 200;

/** Groups in which something is to be decided: somebody asks, or somebody waits and nobody holds. */
export async function findUndecidedGroups(db: Database): Promise<GroupRef[]> {
  const { rows } = await sql<GroupRef>`
    select e.repository_id as "repositoryId", e.group_key as "groupKey" from concurrency_entries e
    group by e.repository_id, e.group_key
    having bool_or(e.state = 'requested') or (bool_or(e.state = 'pending') and not bool_or(e.state = 'holding'))
    limit ${GROUPS_MAX}`.execute(db);
  return rows;
}

/** An entry whose run or job does not follow yet. */
export interface EntryToApply {
  readonly id: number;
  readonly runId: number;
  readonly jobId: JobId | null;
  readonly act: "begin" | "cancel";
  readonly cancelReason: string | null;
}

/** Of one group, or of all: who holds but waits still, and who is to be cancelled but was not asked. */
export async function findEntriesToApply(db: Database, group?: GroupRef): Promise<EntryToApply[]> {
  const ofGroup =
    group === undefined ? sql`` : sql`and e.repository_id = ${group.repositoryId} and e.group_key = ${group.groupKey}`;
  const { rows } = await sql<EntryToApply>`
    select e.id, e.run_id as "runId", e.job_id as "jobId", e.cancel_reason as "cancelReason",
      case when e.cancel_reason is null then 'begin' else 'cancel' end as act
    from concurrency_entries e join runs r on r.id = e.run_id left join jobs j on j.id = e.job_id
    where r.state <> 'finished' and (j.id is null or j.state <> 'finished') ${ofGroup}
      and case
        when e.cancel_reason is not null then
          case when j.id is null then r.cancel_requested_at is null else j.cancel_requested_at is null end
        when j.id is null then e.state = 'holding' and r.state = 'waiting'
        else e.state = 'holding' and j.state = 'blocked' and j.held_reason is not null
      end
    order by e.id limit ${GROUPS_MAX}`.execute(db);
  return rows;
}

/** Leftovers of what ended in a way that gave nothing back. */
export async function findDeadEntryRuns(db: Database): Promise<number[]> {
  const { rows } = await sql<{ runId: number }>`
    select distinct e.run_id as "runId" from concurrency_entries e join runs r on r.id = e.run_id
      left join jobs j on j.id = e.job_id
    where r.state = 'finished' or j.state = 'finished' limit ${GROUPS_MAX}`.execute(db);
  return rows.map((row) => row.runId);
}
