import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

export interface NewAgent {
  readonly id: AgentId;
  readonly name: string;
  readonly pool: string;
  readonly labels: readonly string[];
  readonly slots: number;
  /** SHA-256 of the credential. */
  readonly credentialHash: Buffer;
  readonly natsPublicKey: string;
  readonly hostname: string;
  readonly version: string;
  readonly joinedWith: string | null;
}

/** Adds an agent that has joined but not connected yet. Throws a unique violation when the name is taken. */
export async function insertAgent(db: Database | Tx, agent: NewAgent): Promise<void> {
  await sql`
    with made as (
      insert into agents (id, name, pool, state, labels, slots, credential_hash, nats_public_key, hostname, version, joined_with)
      values (${agent.id}, ${agent.name}, ${agent.pool}, 'joining', ${agent.labels}::text[], ${agent.slots},
        ${agent.credentialHash}, ${agent.natsPublicKey}, ${agent.hostname}, ${agent.version}, ${agent.joinedWith})
      returning id
    )
    insert into events (kind, agent_id, data)
    select 'agent_joining', id, jsonb_build_object('name', ${agent.name}::text, 'pool', ${agent.pool}::text) from made`.execute(
    db,
  );
}
