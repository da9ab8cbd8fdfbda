import type { AgentId, AttemptId, AttemptState, LeaseId, Permissions, Trust } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface OpenAttemptOfToken {
  readonly attemptId: AttemptId;
  readonly jobId: number;
  readonly runId: number;
  readonly repositoryId: number;
  readonly owner: string;
  readonly repository: string;
  readonly trust: Trust;
  /** What its plan lets its token do. */
  readonly permissions: Permissions;
}

/** What a job token opens; undefined when the attempt is over, since the token dies with it. */
export async function findOpenAttemptByJobToken(db: Database, hash: Buffer): Promise<OpenAttemptOfToken | undefined> {
  const { rows } = await sql<OpenAttemptOfToken>`
    select a.id as "attemptId", a.job_id as "jobId", j.run_id as "runId", j.repository_id as "repositoryId",
      p.owner, p.name as repository, j.trust, coalesce(a.permissions, '{"contents": "read"}') as permissions
    from attempts a join jobs j on j.id = a.job_id join repositories p on p.id = j.repository_id
    where a.job_token_hash = ${hash} and a.state = 'running'`.execute(db);
  return rows[0];
}

export interface AttemptForStart {
  readonly jobId: number;
  readonly runId: number;
  readonly state: AttemptState;
  readonly leaseId: LeaseId;
  readonly agentId: AgentId;
}

/** Whose attempt this is and of which job. */
export async function findAttempt(db: Database, attemptId: AttemptId): Promise<AttemptForStart | undefined> {
  const { rows } = await sql<AttemptForStart>`
    select a.job_id as "jobId", j.run_id as "runId", a.state, a.lease_id as "leaseId", a.agent_id as "agentId"
    from attempts a join jobs j on j.id = a.job_id where a.id = ${attemptId}`.execute(db);
  return rows[0];
}

/** The latest attempt of a job that was started, for its log; undefined when there is none yet. */
export async function findLatestAttempt(
  db: Database,
  jobId: number,
): Promise<{ readonly attemptId: AttemptId; readonly state: AttemptState } | undefined> {
  const { rows } = await sql<{ attemptId: AttemptId; state: AttemptState }>`
    select a.id as "attemptId", a.state from attempts a join jobs j on a.job_id = coalesce(j.copied_from, j.id)
    where j.id = ${jobId} and a.started_at is not null
    order by a.no desc limit 1`.execute(db);
  return rows[0];
}

/** State of one attempt. */
export async function readAttemptState(db: Database, attemptId: AttemptId): Promise<AttemptState | undefined> {
  const { rows } = await sql<{ state: AttemptState }>`select state from attempts where id = ${attemptId}`.execute(db);
  return rows[0]?.state;
}
