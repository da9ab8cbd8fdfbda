import type { Tx } from "../database.ts";

/** Sets what is given of a repository's limit and share. False when it is gone. */
export async function setRepositoryLimits(
  tx: Tx,
  change: { readonly repositoryId: number; readonly jobsMax?: number | null; readonly weight?: number },
): Promise<boolean> {
  const { repositoryId, jobsMax, weight } = change;
  const result = await tx
    .updateTable("repositories")
    .set({
      ...(jobsMax === undefined ? {} : { jobs_max: jobsMax }),
      ...(weight === undefined ? {} : { weight }),
    })
    .where("id", "=", repositoryId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
