import type { Tx } from "../database.ts";
import type { RepositoryReaders } from "../schema.ts";

/** Sets what is given of a repository's limit and share, and of whose jobs may read it. False when it is gone. */
export async function setRepositoryLimits(
  tx: Tx,
  change: {
    readonly repositoryId: number;
    readonly jobsMax?: number | null;
    readonly weight?: number;
    readonly readableBy?: RepositoryReaders;
  },
): Promise<boolean> {
  const { repositoryId, jobsMax, weight, readableBy } = change;
  const result = await tx
    .updateTable("repositories")
    .set({
      ...(jobsMax === undefined ? {} : { jobs_max: jobsMax }),
      ...(weight === undefined ? {} : { weight }),
      ...(readableBy === undefined ? {} : { readable_by: readableBy }),
    })
    .where("id", "=", repositoryId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
