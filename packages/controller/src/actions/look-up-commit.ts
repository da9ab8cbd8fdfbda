import type { Logger } from "@windrow/service";
import { isCommit, isRefName } from "./action-rules.ts";
import type { ActionTrees } from "./action-trees.ts";
import { type ActionReader, type ActionSource, type FindSourcesDeps, findSources } from "./find-sources.ts";
import { resolveRef } from "./resolve-ref.ts";
import { type WithCommit, withCommit } from "./with-commit.ts";

export interface LookUpDeps extends FindSourcesDeps {
  readonly trees: ActionTrees;
  readonly logger: Logger;
}

export interface LookUpRequest {
  readonly repository: string;
  readonly ref: string;
  readonly reader: ActionReader;
}

export type LookUp<T> =
  | { readonly kind: "found"; readonly sha: string; readonly value: T }
  /** A sentence for people. */
  | { readonly kind: "problem"; readonly problem: string };

const ABBREVIATED = /^[0-9a-f]{7,39}$/i;

/** Finds the commit of a ref at the first source that has it, and lets `work` read it there. */
export async function lookUpCommit<T>(
  deps: LookUpDeps,
  { repository, ref, reader }: LookUpRequest,
  work: (sha: string, gitDir: string) => Promise<T>,
): Promise<LookUp<T>> {
  if (!isCommit(ref) && !isRefName(ref)) {
    return { kind: "problem", problem: `'${ref}' in ${repository}@${ref} is not a name of a branch, tag or commit` };
  }
  const found = await findSources(deps, repository, reader);
  if (found.kind === "problem") return found;
  let isAway = false;
  for (const source of found.sources) {
    const resolved = await resolveRef(deps.environment, source, ref);
    if (resolved.kind === "away") {
      isAway = true;
      tellLog(deps, repository, resolved.complaint);
    }
    if (resolved.kind !== "commit") continue;
    const { sha } = resolved;
    const done = await readCommit(deps, { source, sha, repository }, (gitDir) => work(sha, gitDir));
    if (done.kind === "done") return { kind: "found", sha, value: done.value };
  }
  const hint = ABBREVIATED.test(ref) ? " (a commit has to be written with all its 40 digits)" : "";
  const problem = isAway
    ? `${repository}@${ref} could not be looked up: the server of WINDROW_ACTIONS_URL has no such repository or does not answer`
    : `${repository} has no branch, tag or commit '${ref}'${hint}`;
  return { kind: "problem", problem };
}

/** As `withCommit`, with what git complains of in the controller's log. */
export async function readCommit<T>(
  deps: LookUpDeps,
  { source, sha, repository }: { readonly source: ActionSource; readonly sha: string; readonly repository: string },
  work: (gitDir: string) => Promise<T>,
): Promise<WithCommit<T>> {
  const done = await withCommit(deps.environment, { source, sha, scratchDir: deps.trees.scratchDir }, work);
  if (done.kind === "absent") tellLog(deps, repository, done.complaint);
  return done;
}

function tellLog({ logger }: LookUpDeps, repository: string, complaint: string): void {
  logger.info({ repository, complaint }, "an action could not be read at one of its sources");
}
