import type { ScaleCode, ScaleDirection } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import type { DispatcherTerm } from "../pools/elect-dispatcher.ts";

/** What was decided about a pool, with what the decision saw. */
export interface ScaleDecisionRecord {
  readonly direction: ScaleDirection;
  readonly code: ScaleCode;
  readonly reason: string;
  readonly desired: number;
  readonly made: number;
  readonly ended: number;
  readonly starting: number;
  readonly idle: number;
  readonly busy: number;
  readonly queued: number;
}

/** Of each pool; older ones are forgotten. */
export const SCALE_DECISIONS_MAX = 1_000;

/**
 * Holds the pool's term until the transaction ends: who would take it over waits, and then sees what was asked for. False
 * when the term is not the caller's any more: nothing may be decided.
 */
export async function lockTerm(tx: Tx, term: DispatcherTerm): Promise<boolean> {
  const { rows } = await sql`
    select from pool_leases l
    where l.pool = ${term.pool} and l.term_id = ${term.termId} and l.expires_at > clock_timestamp() for share`.execute(
    tx,
  );
  return rows.length === 1;
}

/** Adds a decision, and its event when agents come or go. */
export async function recordScaleDecision(tx: Tx, pool: string, decision: ScaleDecisionRecord): Promise<void> {
  const { direction, code, reason, desired, made, ended, starting, idle, busy, queued } = decision;
  await sql`
    with added as (
      insert into scale_decisions (pool, direction, code, reason, desired, made, ended, starting, idle, busy, queued)
      values (${pool}, ${direction}, ${code}, ${reason}, ${desired}, ${made}, ${ended}, ${starting}, ${idle}, ${busy}, ${queued})
      returning id
    ),
    told as (
      insert into events (kind, data)
      select 'pool_scaled', jsonb_build_object('pool', ${pool}::text, 'direction', ${direction}::text, 'reason', ${reason}::text,
        'desired', ${desired}::int, 'made', ${made}::int, 'ended', ${ended}::int)
      where ${direction}::text <> 'hold'
    )
    delete from scale_decisions d where d.pool = ${pool} and d.id <= (
      select o.id from scale_decisions o where o.pool = ${pool} order by o.id desc offset ${SCALE_DECISIONS_MAX - 1} limit 1)`.execute(
    tx,
  );
}
