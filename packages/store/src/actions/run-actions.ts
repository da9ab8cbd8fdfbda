import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** An action or called workflow of a run at the commit that all of its jobs use. */
export interface RunAction {
  /** `owner/name`. */
  readonly repository: string;
  /** As a step names it. */
  readonly ref: string;
  readonly sha: string;
}

/** More than this many in one run is refused by the caller. */
export const RUN_ACTIONS_MAX = 1_000;

/** All actions a run has resolved so far, in order of their names. */
export async function listRunActions(db: Database | Tx, runId: number): Promise<RunAction[]> {
  const { rows } = await sql<RunAction>`
    select repository, ref, sha from run_actions where run_id = ${runId}
    order by lower(repository), ref limit ${RUN_ACTIONS_MAX}`.execute(db);
  return rows;
}

/** The commit that the run has for this action; undefined while no job has asked. */
export async function findRunAction(
  db: Database | Tx,
  { runId, repository, ref }: { readonly runId: number; readonly repository: string; readonly ref: string },
): Promise<string | undefined> {
  const { rows } = await sql<{ sha: string }>`
    select sha from run_actions
    where run_id = ${runId} and lower(repository) = lower(${repository}) and ref = ${ref}`.execute(db);
  return rows[0]?.sha;
}

/** Whether the run has resolved some ref of the repository to this commit. */
export async function hasRunAction(
  db: Database | Tx,
  { runId, repository, sha }: { readonly runId: number; readonly repository: string; readonly sha: string },
): Promise<boolean> {
  const { rows } = await sql`
    select from run_actions
    where run_id = ${runId} and lower(repository) = lower(${repository}) and sha = ${sha} limit 1`.execute(db);
  return rows.length > 0;
}

/** Records what an action was resolved to; the first record wins, and its commit is the answer. */
export async function recordRunAction(
  db: Database | Tx,
  runId: number,
  { repository, ref, sha }: RunAction,
): Promise<string> {
  await sql`
    insert into run_actions (run_id, repository, ref, sha) values (${runId}, ${repository}, ${ref}, ${sha})
    on conflict do nothing`.execute(db);
  // in a statement of its own: one that conflicted does not see the row of the other
  const recorded = await findRunAction(db, { runId, repository, ref });
  if (recorded === undefined) throw new Error(`the action ${repository}@${ref} of run ${runId} was not recorded`);
  return recorded;
}

/** How many actions a run has resolved. */
export async function countRunActions(db: Database | Tx, runId: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from run_actions where run_id = ${runId}`.execute(db);
  return rows[0]?.count ?? 0;
}
