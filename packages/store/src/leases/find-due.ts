import type { AttemptId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export const DUE_MAX = 200;

export interface DueAttempt {
  readonly attemptId: AttemptId;
  readonly pool: string;
}

/** Offers that nobody started in time. */
export async function findExpiredOffers(db: Database): Promise<DueAttempt[]> {
  const { rows } = await sql<DueAttempt>`
    select id as "attemptId", pool from attempts
    where state = 'offered' and offer_until < clock_timestamp()
    order by offer_until limit ${DUE_MAX}`.execute(db);
  return rows;
}

/** Running attempts whose lease ran out, except in pools that are held: those would fill the list for minutes. */
export async function findExpiredLeases(db: Database, heldPools: readonly string[]): Promise<DueAttempt[]> {
  const { rows } = await sql<DueAttempt>`
    select id as "attemptId", pool from attempts
    where state = 'running' and lease_until < clock_timestamp() and not (pool = any (${heldPools}::text[]))
    order by lease_until limit ${DUE_MAX}`.execute(db);
  return rows;
}

/** Running attempts of which the agent should have said long ago that their time is over. */
export async function findOverdueAttempts(db: Database, graceMs: number): Promise<DueAttempt[]> {
  const { rows } = await sql<DueAttempt>`
    select a.id as "attemptId", a.pool from attempts a join jobs j on j.id = a.job_id
    where a.state = 'running'
      and a.started_at + (j.timeout_ms + ${graceMs}::bigint) * interval '1 ms' < clock_timestamp()
    order by a.started_at limit ${DUE_MAX}`.execute(db);
  return rows;
}

/** Open attempts of agents that were removed or disabled: they are lost at once. */
export async function findOrphanedAttempts(
  db: Database,
): Promise<(DueAttempt & { readonly why: "agent_removed" | "agent_disabled" })[]> {
  const { rows } = await sql<DueAttempt & { readonly why: "agent_removed" | "agent_disabled" }>`
    select a.id as "attemptId", a.pool, case when g.state = 'removed' then 'agent_removed' else 'agent_disabled' end as why
    from attempts a join agents g on g.id = a.agent_id
    where a.state in ('offered', 'running') and (g.state = 'removed' or g.disabled_at is not null) limit ${DUE_MAX}`.execute(
    db,
  );
  return rows;
}

export interface OpenOffer {
  readonly attemptId: AttemptId;
  readonly leaseId: string;
  readonly agentId: string;
  readonly jobId: number;
  readonly no: number;
  readonly fence: string;
  readonly leftMs: number;
}

/** Open offers of these agents: pushed down their sessions again and again until they are started or run out. */
export async function findOpenOffers(db: Database, agentIds: readonly string[]): Promise<OpenOffer[]> {
  if (agentIds.length === 0) return [];
  const { rows } = await sql<OpenOffer>`
    select id as "attemptId", lease_id as "leaseId", agent_id as "agentId", job_id as "jobId", no, fence::text as fence,
      (extract(epoch from offer_until - clock_timestamp()) * 1000)::float8 as "leftMs"
    from attempts
    where state = 'offered' and offer_until > clock_timestamp() and agent_id = any (${agentIds}::uuid[])
    limit ${DUE_MAX}`.execute(db);
  return rows;
}
