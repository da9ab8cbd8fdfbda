import type { Database } from "../database.ts";
import { REPOSITORY_COLUMNS, type RepositoryRow } from "./repository.ts";

/** A farm with more repositories than this needs paging here first. */
export const REPOSITORIES_LISTED_MAX = 10_000;

/** All repositories that are not deleted, by name; of one owner when `owner` is given. */
export async function listRepositories(db: Database, owner: string | undefined): Promise<RepositoryRow[]> {
  let query = db.selectFrom("repositories").select(REPOSITORY_COLUMNS).where("deleted_at", "is", null);
  if (owner !== undefined) query = query.where("owner", "=", owner);
  return query.orderBy("owner").orderBy("name").limit(REPOSITORIES_LISTED_MAX).execute();
}
