import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface PoolLossFacts {
  readonly pool: string;
  /** Connected or suspect agents, and those lost within the window without having said goodbye. */
  readonly agentsCount: number;
  /** Of those: lost within the window, or with a lease or a silence that is over now. */
  readonly lostCount: number;
  readonly heldUntilMs: number | null;
  readonly nowMs: number;
}

/** What the expiry brake is decided by, for every pool that would lose something now. Times are of the database clock. */
export async function readLossFacts(db: Database, windowMs: number): Promise<PoolLossFacts[]> {
  const { rows } = await sql<PoolLossFacts>`
    select p.name as pool, count(*)::int as "agentsCount",
      count(*) filter (where a.state = 'lost' or a.last_seen_at < clock_timestamp() - greatest(p.suspect_after_ms, p.lost_after_ms - ${windowMs}::float8) * interval '1 ms'
        or exists (select from attempts t where t.agent_id = a.id and t.state = 'running' and t.lease_until < clock_timestamp())
      )::int as "lostCount",
      (extract(epoch from p.expiry_held_until) * 1000)::float8 as "heldUntilMs",
      (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs"
    from pools p join agents a on a.pool = p.name
    where a.state in ('ready', 'draining', 'suspect')
      or (a.state = 'lost' and a.suspect_at is not null and a.lost_at > clock_timestamp() - ${windowMs}::float8 * interval '1 ms')
    group by p.name, p.expiry_held_until`.execute(db);
  return rows;
}

/** Expires nothing in the pool until then. */
export async function holdExpiry(db: Database, pool: string, untilMs: number): Promise<void> {
  await sql`
    with held as (
      update pools set expiry_held_until = to_timestamp(${untilMs}::float8 / 1000) where name = ${pool} returning name
    )
    insert into events (kind, data) select 'pool_expiry_held', jsonb_build_object('pool', name) from held`.execute(db);
}
