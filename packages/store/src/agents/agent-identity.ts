import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** What an agent's certificate is held against. */
export interface AgentIdentity {
  readonly id: AgentId;
  readonly name: string;
  readonly pool: string;
  /** SPKI, DER; null for an agent of the version before, which joins again. */
  readonly publicKey: Buffer | null;
  readonly certificateExpiresAt: Date | null;
  readonly natsPublicKey: string;
  readonly slots: number;
  readonly joinedWith: string | null;
  readonly isRemoved: boolean;
  readonly isDisabled: boolean;
  readonly disabledReason: string | null;
}

const COLUMNS = sql`
  id, name, pool, public_key as "publicKey", certificate_expires_at as "certificateExpiresAt",
  nats_public_key as "natsPublicKey", slots, joined_with as "joinedWith", state = 'removed' as "isRemoved",
  disabled_at is not null as "isDisabled", disabled_reason as "disabledReason"`;

/** By id, removed agents too; undefined when unknown. */
export async function findAgentIdentity(db: Database | Tx, agentId: string): Promise<AgentIdentity | undefined> {
  const { rows } = await sql<AgentIdentity>`select ${COLUMNS} from agents where id = ${agentId}`.execute(db);
  return rows[0];
}

/** Those that are known, in any order. */
export async function findAgentIdentities(db: Database, agentIds: readonly string[]): Promise<AgentIdentity[]> {
  const { rows } = await sql<AgentIdentity>`
    select ${COLUMNS} from agents where id = any (${agentIds}::uuid[])`.execute(db);
  return rows;
}

/** The agent got another certificate. False when it was removed or disabled meanwhile. */
export async function renewAgentCertificate(
  db: Database | Tx,
  options: { readonly agentId: string; readonly expiresAt: Date },
): Promise<boolean> {
  const { rows } = await sql`
    update agents set certificate_expires_at = ${options.expiresAt}
    where id = ${options.agentId} and state <> 'removed' and disabled_at is null returning id`.execute(db);
  return rows.length === 1;
}
