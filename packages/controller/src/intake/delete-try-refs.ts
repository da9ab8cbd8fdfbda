import type { Logger } from "@windrow/service";
import { type Database, listOldTryRefs } from "@windrow/store";
import type { GitEnvironment } from "../git/git-environment.ts";
import { isFolder, repositoryFolder } from "../git/repository-folder.ts";
import { runGit } from "../git/run-git.ts";

/** What `windrow try` pushed stays this long after the push, and until its runs are finished. */
export const TRY_REF_KEPT_MS = 7 * 24 * 3_600_000;

/** Deletes the refs of tries that nobody needs any more; the commits of those that were merged live on in branches. */
export async function deleteTryRefs(deps: {
  readonly db: Database;
  readonly environment: GitEnvironment;
  readonly logger: Logger;
}): Promise<void> {
  const { environment } = deps;
  for (const { refs, ...repository } of await listOldTryRefs(deps.db, TRY_REF_KEPT_MS)) {
    const folder = repositoryFolder(environment.gitDir, repository);
    if (!(await isFolder(folder))) continue;
    const argv = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/windrow/try/"];
    const found = (await runGit({ environment, folder, argv })) ?? "";
    const old = new Set(refs);
    // with the id it had: a ref that is pushed again meanwhile stays
    const deletions = found.split("\n").flatMap((line) => {
      const [oid = "", ref = ""] = line.split(" ");
      return old.has(ref) ? [`delete ${ref} ${oid}\n`] : [];
    });
    if (deletions.length === 0) continue;
    const done = await runGit({ environment, folder, argv: ["update-ref", "--stdin"], input: deletions.join("") });
    const about = { repository: `${repository.owner}/${repository.name}`, refsCount: deletions.length };
    if (done === undefined) deps.logger.warn(about, "old refs of tries could not be deleted");
    else deps.logger.info(about, "old refs of tries were deleted");
  }
}
