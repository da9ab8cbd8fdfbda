import type { Tx } from "../database.ts";
import { findRepository } from "./find-repository.ts";
import { REPOSITORY_COLUMNS, type RepositoryRow } from "./repository.ts";

export interface NewRepository {
  readonly owner: string;
  readonly name: string;
  readonly defaultBranch?: string;
  readonly createdBy: string;
}

/**
 * The repository of that name, made (with its owner) when it is not there; `created` tells which. Two that make the
 * same one at a time get the same row.
 */
export async function ensureRepository(
  tx: Tx,
  wanted: NewRepository,
): Promise<{ readonly repository: RepositoryRow; readonly created: boolean }> {
  await tx
    .insertInto("owners")
    .values({ name: wanted.owner })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const inserted = await tx
    .insertInto("repositories")
    .values({
      owner: wanted.owner,
      name: wanted.name,
      created_by: wanted.createdBy,
      ...(wanted.defaultBranch === undefined ? {} : { default_branch: wanted.defaultBranch }),
    })
    .onConflict((conflict) => conflict.columns(["owner", "name"]).where("deleted_at", "is", null).doNothing())
    .returning(REPOSITORY_COLUMNS)
    .executeTakeFirst();
  if (inserted !== undefined) return { repository: inserted, created: true };
  const found = await findRepository(tx, wanted);
  if (found === undefined) throw new Error(`repository ${wanted.owner}/${wanted.name} vanished while it was looked up`);
  return { repository: found, created: false };
}
