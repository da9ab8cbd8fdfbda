import type { MachineState } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { lockPoolSettings, type PoolSettings } from "./set-pool.ts";

/** Why a pool cannot be deleted; all zero when it was. */
export interface PoolHold {
  readonly agentsCount: number;
  readonly openAttemptsCount: number;
  readonly machinesCount: number;
}

export interface DeletedPool {
  /** As it was. */
  readonly settings: PoolSettings;
  readonly hold: PoolHold;
}

const ENDED_MACHINES = ["ended", "failed"] as const satisfies readonly MachineState[];

/**
 * Deletes a pool that has no agent, no work and no machine, and revokes the join tokens that lead into it. The answer
 * says what holds it; undefined when there is no such pool.
 */
export async function deletePool(tx: Tx, name: string): Promise<DeletedPool | undefined> {
  // the pool after them, as who joins with a token and who grants by a term lock them
  await sql`select from tokens where kind = 'join' and pool = ${name} order by id for update`.execute(tx);
  await sql`select from pool_leases where pool = ${name} for update`.execute(tx);
  await sql`select from pools where name = ${name} for update`.execute(tx);
  const settings = await lockPoolSettings(tx, name);
  if (settings === undefined) return undefined;
  const { rows: found } = await sql<PoolHold>`
    select (select count(*)::int from agents where pool = ${name} and state <> 'removed') as "agentsCount",
      (select count(*)::int from attempts where pool = ${name} and state in ('offered', 'running')) as "openAttemptsCount",
      (select count(*)::int from machines where pool = ${name} and state <> all (${ENDED_MACHINES}::text[]))
        as "machinesCount"`.execute(tx);
  const [hold] = found;
  if (hold === undefined) throw new Error("a select without from has one row");
  if (hold.agentsCount + hold.openAttemptsCount + hold.machinesCount > 0) return { settings, hold };
  await sql`delete from pool_leases where pool = ${name}`.execute(tx);
  await sql`
    update tokens set revoked_at = coalesce(revoked_at, now()) where kind = 'join' and pool = ${name}`.execute(tx);
  await sql`delete from pools where name = ${name}`.execute(tx);
  return { settings, hold };
}
