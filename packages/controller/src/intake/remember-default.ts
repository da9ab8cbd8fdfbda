import { isDeepStrictEqual } from "node:util";
import { type Database, type DefaultFacts, type RepositoryRow, setDefaultFacts } from "@windrow/store";
import { detectLanguage, type ParseWorker } from "@windrow/workflow";
import type { ReaderPool } from "../git/reader-pool.ts";
import { readLanguage } from "./check-settings.ts";
import { type FileTriggers, listTriggers, parseFiles } from "./parse-files.ts";
import { type CommitContent, readWorkflowFiles } from "./read-workflow-files.ts";

/** Schedules of one repository; the rest is passed over. */
const SCHEDULES_MAX = 100;

/** Keeps what the default branch's files say for those who start runs without a push. */
export async function rememberDefault(
  { db }: { readonly db: Database },
  repository: RepositoryRow,
  head: { readonly content: CommitContent; readonly triggers: readonly FileTriggers[] },
): Promise<DefaultFacts> {
  const schedules = head.triggers
    .flatMap(({ path, triggers }) =>
      triggers.flatMap((one) => (one.schedules ?? []).map((item) => ({ path, ...item }))),
    )
    .slice(0, SCHEDULES_MAX);
  const facts: DefaultFacts = {
    language: readLanguage(head.content.settings) ?? detectLanguage(head.content.rootNames) ?? null,
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

/** As rememberDefault, where nobody has read the files yet. */
export async function readDefault(
  deps: { readonly db: Database; readonly reader: ReaderPool; readonly parser: ParseWorker },
  repository: RepositoryRow,
  folder: string,
): Promise<void> {
  const content = await readWorkflowFiles(deps.reader, folder, `refs/heads/${repository.default_branch}`);
  if (content === undefined) return;
  const triggers = listTriggers(await parseFiles(content, deps.parser));
  await rememberDefault(deps, repository, { content, triggers });
}
