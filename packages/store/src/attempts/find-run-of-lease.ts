import type { AgentId, LeaseRef, Trust } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface RunOfLease {
  readonly runId: number;
  readonly repositoryId: number;
  readonly owner: string;
  /** Without its owner. */
  readonly repository: string;
  readonly trust: Trust;
}

/** The run of a running attempt, if the lease is the caller's; undefined otherwise. */
export async function findRunOfLease(
  db: Database,
  { attemptId, leaseId, sessionNo, agentId }: LeaseRef & { readonly agentId: AgentId },
): Promise<RunOfLease | undefined> {
  const { rows } = await sql<RunOfLease>`
    select r.id as "runId", r.repository_id as "repositoryId", p.owner, p.name as repository, r.trust
    from attempts a join jobs j on j.id = a.job_id join runs r on r.id = j.run_id
      join repositories p on p.id = r.repository_id
    where a.id = ${attemptId} and a.lease_id = ${leaseId} and a.agent_id = ${agentId} and a.session_no <= ${sessionNo}
      and a.state = 'running'`.execute(db);
  return rows[0];
}
