import { sql } from "kysely";
import type { Tx } from "../database.ts";

export interface NewUpgrade {
  readonly pool: string;
  readonly version: string;
  readonly atOnce: number;
  readonly requestedBy: string;
}

/** Begins an upgrade; its id. Undefined when the pool has one that is not over. */
export async function startUpgrade(tx: Tx, upgrade: NewUpgrade): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    insert into pool_upgrades (pool, version, at_once, requested_by)
    values (${upgrade.pool}, ${upgrade.version}, ${upgrade.atOnce}, ${upgrade.requestedBy})
    on conflict (pool) where state = 'running' do nothing
    returning id`.execute(tx);
  return rows[0]?.id;
}
