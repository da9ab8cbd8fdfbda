import { join } from "node:path";
import { NAME_PATTERN } from "@windrow/contract";
import type { Trust } from "@windrow/model";
import { type Database, findRepository } from "@windrow/store";
import type { GitEnvironment } from "../git/git-environment.ts";
import { isFolder, repositoryFolder } from "../git/repository-folder.ts";
import { type ActionSettings, matchesRepository } from "./action-rules.ts";

/** A place that has, or may have, a repository. */
export type ActionSource =
  | { readonly kind: "folder"; readonly gitDir: string }
  | { readonly kind: "server"; readonly url: string };

/** For whose run an action is looked up. */
export interface ActionReader {
  /** Owner of the repository that the run belongs to. */
  readonly owner: string;
  /** The repository itself, without its owner: a run always reads its own. */
  readonly repository?: string;
  readonly trust: Trust;
}

export interface FindSourcesDeps {
  readonly db: Database;
  readonly environment: GitEnvironment;
  readonly settings: ActionSettings;
}

/** `repository` as a sentence names it. */
export type FoundSources =
  | { readonly kind: "sources"; readonly sources: readonly ActionSource[] }
  | { readonly kind: "problem"; readonly problem: string };

/**
 * Where to look for `owner/name`, in order: hosted on this farm, in the mirror folder, on the configured server. A
 * hosted repository of another owner is passed over unless the farm shares it; for a run of strangers so is every one but
 * the run's own.
 */
export async function findSources(
  deps: FindSourcesDeps,
  repository: string,
  reader: ActionReader,
): Promise<FoundSources> {
  const { mirrorDir, baseUrl, allowed } = deps.settings;
  const [owner = "", name = "", ...rest] = repository.split("/");
  if (rest.length > 0 || !NAME_PATTERN.test(owner) || !NAME_PATTERN.test(name)) {
    return { kind: "problem", problem: `'${repository}' is not a name a repository can have` };
  }
  const isOwn = isSame(reader, { owner, name });
  if (!isOwn && !matchesRepository(allowed, repository)) {
    return {
      kind: "problem",
      problem: `this farm does not allow actions of ${repository} (WINDROW_ACTIONS_ALLOWED on the controller says which it does)`,
    };
  }
  const sources: ActionSource[] = [];
  const hosted = await findHosted(deps, { owner, name }, reader);
  if (hosted !== undefined) sources.push({ kind: "folder", gitDir: hosted });
  if (mirrorDir !== undefined) {
    const mirrored = await findMirror(mirrorDir, owner, name);
    if (mirrored !== undefined) sources.push({ kind: "folder", gitDir: mirrored });
  }
  if (baseUrl !== undefined) sources.push({ kind: "server", url: `${baseUrl}/${owner}/${name}.git` });
  if (sources.length > 0) return { kind: "sources", sources };
  const looked =
    mirrorDir === undefined
      ? "and the controller has no other source of actions: push it to this farm, or set WINDROW_ACTIONS_DIR (a folder of git mirrors) or WINDROW_ACTIONS_URL (a git server)"
      : `and the controller's WINDROW_ACTIONS_DIR has no ${owner}/${name}: push it to this farm, or put a mirror there`;
  return { kind: "problem", problem: `there is no repository ${repository} here that this run may use, ${looked}` };
}

async function findHosted(
  { db, environment, settings }: FindSourcesDeps,
  repository: { readonly owner: string; readonly name: string },
  reader: ActionReader,
): Promise<string | undefined> {
  const { owner, name } = repository;
  const isShared = matchesRepository(settings.shared, `${owner}/${name}`);
  const isOwners = reader.trust === "trusted" && reader.owner === owner;
  if (!isShared && !isOwners && !isSame(reader, repository)) return undefined;
  if ((await findRepository(db, repository)) === undefined) return undefined;
  const folder = repositoryFolder(environment.gitDir, repository);
  return (await isFolder(folder)) ? folder : undefined;
}

const isSame = (reader: ActionReader, { owner, name }: { readonly owner: string; readonly name: string }): boolean =>
  reader.owner === owner && reader.repository === name;

/** Names on disk may be in lower case, since nobody minds the case of an owner or a name. */
async function findMirror(mirrorDir: string, owner: string, name: string): Promise<string | undefined> {
  for (const [folder, file] of [
    [owner, name],
    [owner.toLowerCase(), name.toLowerCase()],
  ] as const) {
    for (const path of [join(mirrorDir, folder, `${file}.git`), join(mirrorDir, folder, file)]) {
      if (await isFolder(join(path, ".git"))) return join(path, ".git");
      if (await isFolder(join(path, "objects"))) return path;
    }
  }
  return undefined;
}
