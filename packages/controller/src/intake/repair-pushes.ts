import type { Logger } from "@windrow/service";
import {
  abandonPush,
  findPushSuccessors,
  findRepositoryById,
  inTransaction,
  isDatabaseAway,
  listUnsettledPushes,
  type PushRow,
} from "@windrow/store";
import { isFolder, repositoryFolder } from "../git/repository-folder.ts";
import { type BuildPushDeps, buildPush } from "./build-push.ts";
import { isDeletion } from "./check-push.ts";

/** A push whose refs were updated is built this long after it was recorded, if nobody did. */
export const REPAIR_AFTER_MS = 3_000;
/** A push whose refs are not updated after this long never will be. */
export const ABANDON_AFTER_MS = 60_000;
const TAG_BYTES_MAX = 0;

/**
 * One pass of the repair sweep: pushes that were recorded before git updated the refs and settled by nobody, since the
 * controller died between. Safe with any number of controllers: settling is one guarded statement.
 */
export async function repairPushes(deps: BuildPushDeps & { readonly logger: Logger }): Promise<void> {
  const overdue = new Set((await listUnsettledPushes(deps.db, ABANDON_AFTER_MS)).map((row) => row.id));
  for (const row of await listUnsettledPushes(deps.db, REPAIR_AFTER_MS)) {
    try {
      await repairPush(deps, row, overdue.has(row.id));
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      // one that cannot be built holds none of the others back
      deps.logger.error({ err: error, push: row.id, ref: row.ref }, "a push that nobody had built could not be built");
    }
  }
}

async function repairPush(
  deps: BuildPushDeps & { readonly logger: Logger },
  row: PushRow,
  isOverdue: boolean,
): Promise<void> {
  const repository = await findRepositoryById(deps.db, row.repositoryId);
  if (repository === undefined) return;
  const folder = repositoryFolder(deps.environment.gitDir, repository);
  const verdict = await judge(deps, row, folder);
  if (verdict === "happened") {
    const { runIds } = await buildPush(deps, { row, repository, folder });
    deps.logger.warn({ push: row.id, ref: row.ref, runIds }, "built a push that nobody had built");
  } else if (verdict === "repeated" || isOverdue) {
    const reason = verdict === "repeated" ? "a later push stands for it" : "git did not update the ref";
    await inTransaction(deps.db, (tx) => abandonPush(tx, { id: row.id, reason }));
  }
}

async function judge(deps: BuildPushDeps, row: PushRow, folder: string): Promise<"happened" | "repeated" | "not"> {
  const { repeated, continued } = await findPushSuccessors(deps.db, row);
  if (repeated) return "repeated";
  if (continued) return "happened";
  if (!(await isFolder(folder))) return "not";
  const now = await deps.reader.read(folder, row.ref, TAG_BYTES_MAX);
  if (isDeletion(row)) return now === undefined ? "happened" : "not";
  return now?.oid === row.afterSha ? "happened" : "not";
}
