import type { Database, Tx } from "../database.ts";
import { REPOSITORY_COLUMNS, type RepositoryRow } from "./repository.ts";

/** The repository of that name that is not deleted. */
export async function findRepository(
  db: Database | Tx,
  by: { readonly owner: string; readonly name: string },
): Promise<RepositoryRow | undefined> {
  return db
    .selectFrom("repositories")
    .select(REPOSITORY_COLUMNS)
    .where("owner", "=", by.owner)
    .where("name", "=", by.name)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
}

/** The repository with that id, deleted or not. */
export async function findRepositoryById(db: Database | Tx, id: number): Promise<RepositoryRow | undefined> {
  return db.selectFrom("repositories").select(REPOSITORY_COLUMNS).where("id", "=", id).executeTakeFirst();
}
