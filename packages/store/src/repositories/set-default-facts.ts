import type { Database } from "../database.ts";
import { rowJson } from "../row-text.ts";
import type { RepositorySchedule } from "../schema.ts";

/** What the head of the default branch says of a repository. */
export interface DefaultFacts {
  /** What it is written in; null when that does not show. */
  readonly language: string | null;
  readonly schedules: readonly RepositorySchedule[] | null;
  readonly hasFollowers: boolean;
}

/** Remembers what the default branch says, for whoever does not read files. */
export async function setDefaultFacts(db: Database, repositoryId: number, facts: DefaultFacts): Promise<void> {
  await db
    .updateTable("repositories")
    .set({
      language: facts.language,
      schedules: facts.schedules === null ? null : rowJson(facts.schedules),
      has_followers: facts.hasFollowers,
    })
    .where("id", "=", repositoryId)
    .execute();
}
