import type { AgentId, AgentState } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

/** An agent as people see it. */
export interface AgentRow {
  readonly id: AgentId;
  readonly name: string;
  readonly pool: string;
  readonly state: AgentState;
  readonly labels: string[];
  readonly slots: number;
  readonly openCount: number;
  readonly drainRequested: boolean;
  readonly drainReason: string | null;
  readonly hostname: string;
  readonly version: string;
  readonly natsPublicKey: string;
  readonly createdAt: Date;
  readonly connectedAt: Date | null;
  readonly lastSeenAt: Date | null;
}

const COLUMNS = sql`
  a.id, a.name, a.pool, a.state, a.labels, a.slots, a.drain_requested as "drainRequested", a.drain_reason as "drainReason",
  a.hostname, a.version, a.nats_public_key as "natsPublicKey", a.created_at as "createdAt",
  a.connected_at as "connectedAt", a.last_seen_at as "lastSeenAt",
  (select count(*)::int from attempts t where t.agent_id = a.id and t.state in ('offered', 'running')) as "openCount"`;

/** By id or by the name of an agent that is not removed; an agent that is named like another's id does not hide it. */
export async function findAgent(db: Database, idOrName: string): Promise<AgentRow | undefined> {
  const { rows } = await sql<AgentRow>`
    select ${COLUMNS} from agents a
    where a.id::text = ${idOrName} or (a.name = ${idOrName} and a.state <> 'removed')
    order by a.id::text = ${idOrName} desc limit 1`.execute(db);
  return rows[0];
}

/** Every agent that is not removed, by name. */
export async function listAgents(db: Database): Promise<AgentRow[]> {
  const { rows } = await sql<AgentRow>`
    select ${COLUMNS} from agents a where a.state <> 'removed' order by a.name`.execute(db);
  return rows;
}
