import type { Database } from "../database.ts";

/** Remembers what the repository is written in, or that it does not show. */
export async function setLanguage(
  db: Database,
  change: { readonly repositoryId: number; readonly language: string | null },
): Promise<void> {
  await db
    .updateTable("repositories")
    .set({ language: change.language })
    .where("id", "=", change.repositoryId)
    .execute();
}
