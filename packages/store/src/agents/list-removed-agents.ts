import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface RemovedAgent {
  readonly agentId: AgentId;
  readonly natsPublicKey: string;
  readonly removedAt: Date;
}

/** More than this many agents are not removed within the life of a NATS credential. */
const REMOVED_MAX = 10_000;

/** Agents removed in the last `withinMs`, latest first. */
export async function listRemovedAgents(db: Database, withinMs: number): Promise<RemovedAgent[]> {
  const { rows } = await sql<RemovedAgent>`
    select id as "agentId", nats_public_key as "natsPublicKey", removed_at as "removedAt" from agents
    where state = 'removed' and removed_at > clock_timestamp() - ${withinMs}::float8 * interval '1 ms'
    order by removed_at desc limit ${REMOVED_MAX}`.execute(db);
  return rows;
}
