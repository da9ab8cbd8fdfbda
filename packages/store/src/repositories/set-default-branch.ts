import type { Database, Tx } from "../database.ts";

/** False when the repository is gone. */
export async function setDefaultBranch(
  db: Database | Tx,
  change: { readonly repositoryId: number; readonly branch: string },
): Promise<boolean> {
  const result = await db
    .updateTable("repositories")
    .set({ default_branch: change.branch })
    .where("id", "=", change.repositoryId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
