import type { AgentId } from "@windrow/model";
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
  /** The agent with this NATS key that joined with it, unless it was removed or disabled. */
  readonly agentId: AgentId | null;
}

/** By the hash of its secret; one question whatever the token is, so that the time it takes tells little of it. */
export async function findJoinToken(
  db: Database | Tx,
  by: { readonly hash: Buffer; readonly natsPublicKey: string },
): Promise<JoinTokenState | undefined> {
  const { rows } = await sql<JoinTokenState>`
    select id, name, pool, machine_id as "machineId", revoked_at is null and expires_at > now() as "isOpen",
      (select a.id from agents a where a.joined_with = t.id and a.nats_public_key = ${by.natsPublicKey}
        and a.state <> 'removed' and a.disabled_at is null limit 1) as "agentId"
    from tokens t where hash = ${by.hash} and kind = 'join'`.execute(db);
  return rows[0];
}
