import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** Marks the repository deleted: its name is free again and its runs stay. False when it was gone already. */
export async function deleteRepository(db: Database | Tx, repositoryId: number): Promise<boolean> {
  const result = await db
    .updateTable("repositories")
    .set({ deleted_at: sql`now()` })
    .where("id", "=", repositoryId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
