import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

export interface NewAgent {
  readonly id: AgentId;
  readonly name: string;
  readonly pool: string;
  readonly labels: readonly string[];
  readonly slots: number;
  /** Of its certificate; SPKI, DER. */
  readonly publicKey: Buffer;
  readonly certificateExpiresAt: Date;
  readonly natsPublicKey: string;
  readonly hostname: string;
  readonly version: string;
  readonly joinedWith: string | null;
}

/** Adds an agent that has joined but not connected yet. Throws a unique violation when the name, or the key, is taken. */
export async function insertAgent(db: Database | Tx, agent: NewAgent): Promise<void> {
  await sql`
    with made as (
      insert into agents (id, name, pool, state, labels, slots, public_key, certificate_expires_at, nats_public_key,
        hostname, version, joined_with)
      values (${agent.id}, ${agent.name}, ${agent.pool}, 'joining', ${agent.labels}::text[], ${agent.slots},
        ${agent.publicKey}, ${agent.certificateExpiresAt}, ${agent.natsPublicKey},
        ${agent.hostname}, ${agent.version}, ${agent.joinedWith})
      returning id
    )
    insert into events (kind, agent_id, data)
    select 'agent_joining', id, jsonb_build_object('name', ${agent.name}::text, 'pool', ${agent.pool}::text) from made`.execute(
    db,
  );
}
