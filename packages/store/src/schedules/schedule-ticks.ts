import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { REPOSITORY_COLUMNS, type RepositoryRow } from "../repositories/repository.ts";

const REPOSITORIES_MAX = 10_000;

/** Repositories whose default branch has schedules. */
export async function listScheduledRepositories(db: Database): Promise<RepositoryRow[]> {
  return db
    .selectFrom("repositories")
    .select(REPOSITORY_COLUMNS)
    .where("schedules", "is not", null)
    .where("deleted_at", "is", null)
    .orderBy("id")
    .limit(REPOSITORIES_MAX)
    .execute();
}

export interface ScheduleTick {
  readonly repositoryId: number;
  readonly workflowPath: string;
  /** The minute. */
  readonly tickAt: Date;
}

/** Whether somebody has made the run of this tick. */
export async function hasScheduleTick(db: Database, tick: ScheduleTick): Promise<boolean> {
  const { rows } = await sql`
    select from schedule_ticks where repository_id = ${tick.repositoryId} and workflow_path = ${tick.workflowPath}
      and tick_at = ${tick.tickAt}`.execute(db);
  return rows.length > 0;
}

/** Takes a tick; false when it was taken. In the transaction that makes its run. */
export async function takeScheduleTick(tx: Tx, tick: ScheduleTick): Promise<boolean> {
  const { rows } = await sql`
    insert into schedule_ticks (repository_id, workflow_path, tick_at)
    values (${tick.repositoryId}, ${tick.workflowPath}, ${tick.tickAt}) on conflict do nothing
    returning repository_id`.execute(tx);
  return rows.length === 1;
}

/** Ticks that are over cannot come again. */
export async function forgetScheduleTicks(db: Database, before: Date): Promise<void> {
  await sql`delete from schedule_ticks where tick_at < ${before}`.execute(db);
}
