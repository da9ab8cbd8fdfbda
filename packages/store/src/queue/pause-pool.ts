import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { appendEvents } from "../events/append-events.ts";

/** Of a pool: whether it grants, and who said so. */
export interface PoolPause {
  readonly paused: boolean;
  readonly by: string | null;
  readonly reason: string | null;
}

/**
 * Lets a pool grant nothing more, or again; what runs there goes on. The answer says how it was before; undefined when
 * there is no such pool. Pausing what is paused changes who did it and why.
 */
export async function pausePool(
  tx: Tx,
  change: { readonly pool: string; readonly pause: { readonly by: string; readonly reason: string | null } | null },
): Promise<PoolPause | undefined> {
  const { pool, pause } = change;
  const { rows } = await sql<PoolPause>`
    with old as (
      select name, paused_at, paused_by, paused_reason from pools where name = ${pool} for update
    )
    update pools p set
      paused_at = case when ${pause !== null} then coalesce(old.paused_at, clock_timestamp()) end,
      paused_by = ${pause?.by ?? null}, paused_reason = ${pause?.reason ?? null}
    from old where p.name = old.name
    returning old.paused_at is not null as paused, old.paused_by as by, old.paused_reason as reason`.execute(tx);
  const [before] = rows;
  if (before === undefined) return undefined;
  const data = { pool, by: pause?.by ?? null, reason: pause?.reason ?? null };
  await appendEvents(tx, [{ kind: pause === null ? "pool_resumed" : "pool_paused", data }]);
  return before;
}
