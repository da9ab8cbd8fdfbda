import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import type { PushRow } from "./insert-pushes.ts";

/** How many the repair sweep looks at in one pass. */
export const UNSETTLED_PUSHES_MAX = 100;

const COLUMNS = [
  "id",
  "repository_id as repositoryId",
  "ref",
  "before_sha as beforeSha",
  "after_sha as afterSha",
  "actor",
  "options",
  "state",
  "by_job_id as byJobId",
] as const;

/** Pushes still `received` after `olderThanMs`, oldest first. */
export async function listUnsettledPushes(db: Database, olderThanMs: number): Promise<PushRow[]> {
  return db
    .selectFrom("pushes")
    .select(COLUMNS)
    .where("state", "=", "received")
    .where("received_at", "<", sql<Date>`now() - ${olderThanMs} * interval '1 millisecond'`)
    .orderBy("received_at")
    .limit(UNSETTLED_PUSHES_MAX)
    .execute();
}

/**
 * The later push rows of the same ref that matter to what became of `push`: one that repeats it, or one that started
 * from where it led (so git did make it).
 */
export async function findPushSuccessors(
  db: Database | Tx,
  push: PushRow,
): Promise<{ readonly repeated: boolean; readonly continued: boolean }> {
  const rows = await db
    .selectFrom("pushes")
    .select(["before_sha", "after_sha"])
    .where("repository_id", "=", push.repositoryId)
    .where("ref", "=", push.ref)
    .where("id", ">", push.id)
    .where("state", "<>", "abandoned")
    .where((where) =>
      where.or([
        where.and([where("before_sha", "=", push.beforeSha), where("after_sha", "=", push.afterSha)]),
        where("before_sha", "=", push.afterSha),
      ]),
    )
    .limit(100)
    .execute();
  return {
    repeated: rows.some((row) => row.before_sha === push.beforeSha && row.after_sha === push.afterSha),
    continued: rows.some((row) => row.before_sha === push.afterSha),
  };
}
