import type { AgentId, AttemptId, LeaseId, StreamName } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface LogLease {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly agentId: AgentId;
  readonly sessionNo: number;
}

export interface OpenLog {
  readonly attemptId: AttemptId;
  readonly streams: readonly { readonly stream: StreamName; readonly lengthBytes: number }[];
}

/** What is durable of the logs of running attempts; an attempt missing from the answer is not the caller's (any more). */
export async function readOpenLogs(db: Database, leases: readonly LogLease[]): Promise<OpenLog[]> {
  const { rows } = await sql<OpenLog>`
    select a.id as "attemptId", coalesce((
      select jsonb_agg(jsonb_build_object('stream', s.stream, 'lengthBytes', s.length_bytes))
      from log_streams s where s.attempt_id = a.id
    ), '[]') as streams
    from attempts a
    join unnest(${leases.map((lease) => lease.attemptId)}::uuid[], ${leases.map((lease) => lease.leaseId)}::uuid[],
      ${leases.map((lease) => lease.agentId)}::uuid[], ${leases.map((lease) => lease.sessionNo)}::bigint[])
      as r (attempt_id, lease_id, agent_id, session_no) on a.id = r.attempt_id and a.lease_id = r.lease_id
      and a.agent_id = r.agent_id and a.session_no <= r.session_no
    where a.state = 'running'`.execute(db);
  return rows;
}
