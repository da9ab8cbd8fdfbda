import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** Stores the join token of a machine, for one use; earlier ones of it that nobody used and that have expired are forgotten. */
export async function insertMachineToken(
  tx: Tx,
  token: {
    readonly id: string;
    readonly machineId: string;
    readonly machineName: string;
    readonly pool: string;
    /** SHA-256 of the secret. */
    readonly hash: Buffer;
    readonly prefix: string;
    readonly ttlSeconds: number;
  },
): Promise<void> {
  await sql`
    delete from tokens where machine_id = ${token.machineId} and uses_count = 0 and expires_at < now()`.execute(tx);
  await sql`
    insert into tokens (id, kind, name, hash, prefix, pool, uses_max, expires_at, created_by, machine_id)
    values (${token.id}, 'join', ${`machine ${token.machineName}`}, ${token.hash}, ${token.prefix}, ${token.pool}, 1,
      now() + ${token.ttlSeconds} * interval '1 second', 'windrow', ${token.machineId})`.execute(tx);
}
