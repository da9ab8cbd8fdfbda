import { isDeepStrictEqual } from "node:util";
import { type Database, type DefaultFacts, type RepositoryRow, setDefaultFacts } from "@windrow/store";
import { detectLanguage } from "@windrow/workflow";
import type { PreparedRuns } from "./prepare-runs.ts";
import type { CommitContent } from "./read-workflow-files.ts";

/** Schedules of one repository; the rest is passed over. */
const SCHEDULES_MAX = 100;

/** Keeps what the default branch's files say for those who start runs without a push. */
export async function rememberDefault(
  { db }: { readonly db: Database },
  repository: RepositoryRow,
  head: { readonly content: CommitContent; readonly triggers: PreparedRuns["triggers"] },
): Promise<DefaultFacts> {
  const schedules = head.triggers
    .flatMap(({ path, triggers }) =>
      triggers.flatMap((one) => (one.schedules ?? []).map((item) => ({ path, ...item }))),
    )
    .slice(0, SCHEDULES_MAX);
  const facts: DefaultFacts = {
    language: detectLanguage(head.content.rootNames) ?? null,
    schedules: schedules.length === 0 ? null : schedules,
    hasFollowers: head.triggers.some(({ triggers }) => triggers.some((one) => one.event === "workflow_run")),
  };
  const known: DefaultFacts = {
    language: repository.language,
    schedules: repository.schedules,
    hasFollowers: repository.has_followers,
  };
  if (!isDeepStrictEqual(facts, known)) await setDefaultFacts(db, repository.id, facts);
  return facts;
}
