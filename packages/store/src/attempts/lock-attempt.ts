import type { AgentId, AttemptId, AttemptState, JobId, JobState, LeaseId, Outcome, Value } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** An attempt with what its end is decided by; run, job and attempt stay locked until the transaction ends. */
export interface LockedAttempt {
  readonly attemptId: AttemptId;
  readonly leaseId: LeaseId;
  readonly agentId: AgentId;
  readonly pool: string;
  readonly no: number;
  readonly state: AttemptState;
  /** The first session of the agent process that holds the attempt; mostly null before the start. */
  readonly sessionNo: number | null;
  readonly offerIsOver: boolean;
  /** Below zero when the lease ran out; 0 before the start. */
  readonly leaseLeftMs: number;
  readonly outcome: Outcome | null;
  readonly finishAnswer: Value;
  readonly jobId: JobId;
  readonly jobState: JobState;
  readonly runId: number;
  readonly repositoryId: number;
  readonly exclusive: boolean;
  readonly cancelRequested: boolean;
  readonly cancelReason: string | null;
  readonly infraRetriesUsed: number;
  readonly infraRetriesMax: number;
  /** Durable bytes of each stream. */
  readonly streams: Readonly<Record<string, { readonly lengthBytes: number; readonly restartCount: number }>>;
}

/** Locks run, job, attempt (in this order) and reads what the end of the attempt is decided by; undefined when unknown. */
export async function lockAttempt(tx: Tx, attemptId: AttemptId): Promise<LockedAttempt | undefined> {
  const [locked] = await lockAttempts(tx, [attemptId]);
  return locked;
}

/** As lockAttempt for many, in the order of their runs and jobs; unknown ones are left out. */
export async function lockAttempts(tx: Tx, attemptIds: readonly AttemptId[]): Promise<LockedAttempt[]> {
  const { rows } = await sql<LockedAttempt>`
    select a.id as "attemptId", a.lease_id as "leaseId", a.agent_id as "agentId", a.pool, a.no, a.state,
      a.session_no as "sessionNo", a.offer_until < clock_timestamp() as "offerIsOver",
      coalesce(extract(epoch from a.lease_until - clock_timestamp()) * 1000, 0)::float8 as "leaseLeftMs",
      a.outcome, a.finish_answer as "finishAnswer", j.id as "jobId", j.state as "jobState", j.run_id as "runId",
      j.repository_id as "repositoryId", j.exclusive, j.cancel_requested_at is not null as "cancelRequested",
      j.cancel_reason as "cancelReason", j.infra_retries_used as "infraRetriesUsed",
      p.infra_retries_max as "infraRetriesMax",
      coalesce((
        select jsonb_object_agg(s.stream, jsonb_build_object('lengthBytes', s.length_bytes, 'restartCount', s.restart_count))
        from log_streams s where s.attempt_id = a.id
      ), '{}') as streams
    from runs r
    join jobs j on j.run_id = r.id
    join attempts a on a.job_id = j.id
    join pools p on p.name = a.pool
    where a.id = any (${attemptIds}::uuid[])
    order by r.id, j.id
    for update of r, j, a`.execute(tx);
  return rows;
}
