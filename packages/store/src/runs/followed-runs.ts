import type { Conclusion } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** A run that ended and has not been told to the workflows that start then. */
export interface FollowedRun {
  readonly id: number;
  readonly repositoryId: number;
  readonly number: number;
  readonly attempt: number;
  readonly depth: number;
  readonly workflowName: string;
  readonly workflowPath: string;
  readonly eventName: string;
  readonly title: string;
  readonly ref: string;
  readonly headRef: string;
  readonly sha: string;
  readonly actor: string;
  readonly conclusion: Conclusion;
  /** How long ago it ended. */
  readonly endedForMs: number;
}

const FOLLOWED_MAX = 100;

/** Oldest first. */
export async function findRunsToFollow(db: Database): Promise<FollowedRun[]> {
  const { rows } = await sql<FollowedRun>`
    select id, repository_id as "repositoryId", number, attempt, depth, workflow_name as "workflowName",
      workflow_path as "workflowPath", event_name as "eventName", title, ref, head_ref as "headRef", sha, actor, conclusion,
      (extract(epoch from clock_timestamp() - finished_at) * 1000)::float8 as "endedForMs"
    from runs where followers_due and state = 'finished' order by id limit ${FOLLOWED_MAX}`.execute(db);
  return rows;
}

/** Takes it; false when somebody has. In the transaction that makes the runs that follow. */
export async function takeFollowedRun(tx: Tx, run: Pick<FollowedRun, "id" | "attempt">): Promise<boolean> {
  const { rows } = await sql`
    update runs set followers_due = false
    where id = ${run.id} and attempt = ${run.attempt} and followers_due returning id`.execute(tx);
  return rows.length === 1;
}
