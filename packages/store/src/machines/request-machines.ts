import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** One look at a pool asks for no more; the next one asks for the rest. */
export const MACHINES_REQUESTED_MAX = 100;

/**
 * Asks for machines of the pool's provider, as its settings stand now: rows in `creating`, which the keeper of the pool's
 * machines makes true. The answer lists their ids; it is empty when the pool has no provider. Throws RangeError for a
 * count that is not between 1 and MACHINES_REQUESTED_MAX.
 */
export async function requestMachines(
  tx: Tx,
  options: { readonly pool: string; readonly count: number; readonly reason: string },
): Promise<string[]> {
  const { pool, count, reason } = options;
  if (!Number.isInteger(count) || count < 1 || count > MACHINES_REQUESTED_MAX) {
    throw new RangeError(`${count} machines cannot be asked for at once: 1 to ${MACHINES_REQUESTED_MAX}`);
  }
  const { rows } = await sql<{ id: string }>`
    with made as (
      insert into machines (id, pool, name, provider, host, settings, state, is_ephemeral, reason)
      select n.id, p.name, p.name || '-' || left(replace(n.id::text, '-', ''), 10), p.provider ->> 'kind', p.provider ->> 'host',
        p.provider, 'creating', coalesce((p.scaling ->> 'isEphemeral')::boolean, false), ${reason}
      from pools p, (select gen_random_uuid() as id from generate_series(1, ${count}::int)) n
      where p.name = ${pool} and p.provider is not null
      returning id, name, pool
    ),
    told as (
      insert into events (kind, data)
      select 'machine_creating', jsonb_build_object('machine', name, 'pool', pool, 'reason', ${reason}::text) from made
    )
    select id from made`.execute(tx);
  return rows.map((row) => row.id);
}
