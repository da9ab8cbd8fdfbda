import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** A join token in whatever state: what became of it is told to nobody but the audit trail. */
export interface JoinTokenState {
  readonly id: string;
  readonly name: string;
  readonly pool: string;
  readonly machineId: string | null;
  /** Neither revoked nor expired; it may be used up. */
  readonly isOpen: boolean;
}

/** By the hash of its secret. */
export async function findJoinToken(db: Database | Tx, hash: Buffer): Promise<JoinTokenState | undefined> {
  const { rows } = await sql<JoinTokenState>`
    select id, name, pool, machine_id as "machineId", revoked_at is null and expires_at > now() as "isOpen"
    from tokens where hash = ${hash} and kind = 'join'`.execute(db);
  return rows[0];
}
