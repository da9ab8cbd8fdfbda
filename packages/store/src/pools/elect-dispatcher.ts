import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface DispatcherTerm {
  readonly pool: string;
  readonly termId: string;
}

/** Takes the dispatch of every pool that nobody holds; the answer lists what was won. One term id may name several pools. */
export async function electDispatcher(
  db: Database,
  options: { readonly controllerId: string; readonly termId: string; readonly ttlMs: number },
): Promise<DispatcherTerm[]> {
  const { rows } = await sql<{ pool: string }>`
    insert into pool_leases as l (pool, controller_id, term_id, elected_at, expires_at)
    select p.name, ${options.controllerId}, ${options.termId}, clock_timestamp(),
      clock_timestamp() + ${options.ttlMs} * interval '1 ms'
    from pools p
    where not exists (select from pool_leases h where h.pool = p.name and h.expires_at > clock_timestamp())
    order by p.name
    on conflict (pool) do update set
      controller_id = excluded.controller_id, term_id = excluded.term_id,
      elected_at = excluded.elected_at, expires_at = excluded.expires_at
    where l.expires_at <= clock_timestamp()
    returning pool`.execute(db);
  return rows.map((row) => ({ pool: row.pool, termId: options.termId }));
}

/** Extends exactly these terms; the answer lists the ones still held. A term that ran out is not extended. */
export async function renewDispatcher(
  db: Database,
  options: { readonly terms: readonly DispatcherTerm[]; readonly ttlMs: number },
): Promise<DispatcherTerm[]> {
  if (options.terms.length === 0) return [];
  const { rows } = await sql<DispatcherTerm>`
    update pool_leases l set expires_at = clock_timestamp() + ${options.ttlMs} * interval '1 ms'
    from unnest(${options.terms.map((term) => term.pool)}::text[], ${options.terms.map((term) => term.termId)}::uuid[])
      as t (pool, term_id)
    where l.pool = t.pool and l.term_id = t.term_id and l.expires_at > clock_timestamp()
    returning l.pool, l.term_id as "termId"`.execute(db);
  return rows;
}

/** Gives exactly these terms up, so that another controller takes over at once. */
export async function resignDispatcher(db: Database, terms: readonly DispatcherTerm[]): Promise<void> {
  if (terms.length === 0) return;
  await sql`
    delete from pool_leases l
    using unnest(${terms.map((term) => term.pool)}::text[], ${terms.map((term) => term.termId)}::uuid[]) as t (pool, term_id)
    where l.pool = t.pool and l.term_id = t.term_id`.execute(db);
}
