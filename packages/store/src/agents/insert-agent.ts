import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

export interface NewAgent {
  readonly id: AgentId;
  readonly name: string;
  readonly pool: string;
  readonly labels: readonly string[];
  /** Left to the pool, or else 1, when undefined. */
  readonly slots: number | undefined;
  /** Of its certificate; SPKI, DER. */
  readonly publicKey: Buffer;
  readonly certificateExpiresAt: Date;
  readonly natsPublicKey: string;
  readonly hostname: string;
  readonly version: string;
  readonly joinedWith: string | null;
}

/** Adds an agent that has joined but not connected yet; how many slots it has. Throws a unique violation when the name, or the key, is taken. */
export async function insertAgent(db: Database | Tx, agent: NewAgent): Promise<number> {
  const { rows } = await sql<{ slots: number }>`
    with made as (
      insert into agents (id, name, pool, state, labels, slots, public_key, certificate_expires_at, nats_public_key,
        hostname, version, joined_with)
      values (${agent.id}, ${agent.name}, ${agent.pool}, 'joining', ${agent.labels}::text[],
        coalesce(${agent.slots ?? null}::int, (select slots from pools where name = ${agent.pool}), 1),
        ${agent.publicKey}, ${agent.certificateExpiresAt}, ${agent.natsPublicKey},
        ${agent.hostname}, ${agent.version}, ${agent.joinedWith})
      returning id, slots
    ),
    told as (
      insert into events (kind, agent_id, data)
      select 'agent_joining', id, jsonb_build_object('name', ${agent.name}::text, 'pool', ${agent.pool}::text) from made
    )
    select slots from made`.execute(db);
  const [made] = rows;
  if (made === undefined) throw new Error(`the agent ${agent.name} was not stored`);
  return made.slots;
}
