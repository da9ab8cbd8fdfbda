import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NAME_PATTERN } from "@windrow/contract";
import { Refusal } from "@windrow/model";
import { hasCode } from "@windrow/service";

export interface RepositoryName {
  readonly owner: string;
  readonly name: string;
}

const CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/** Throws `invalid` unless both parts are names that are safe as folders and in URLs. */
export function requireRepositoryName({ owner, name }: RepositoryName): void {
  for (const part of [owner, name]) {
    if (NAME_PATTERN.test(part)) continue;
    throw new Refusal("invalid", `'${part.slice(0, 120)}' is not a name a repository or its owner can have`, {
      hint: "use 1 to 100 of A-Z a-z 0-9 . _ -, not starting with . or -, without .. and not ending in .git",
    });
  }
}

/** Where the hosted repository lives; only for names that were checked. */
export function repositoryFolder(gitDir: string, { owner, name }: RepositoryName): string {
  return join(gitDir, owner, `${name}.git`);
}

export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/**
 * Makes an empty bare repository, whole or not at all. Written by hand: what `git init` does takes a process and copies
 * sample hooks. Does nothing when the folder is there already.
 */
export async function createRepositoryFolder(folder: string, defaultBranch: string): Promise<void> {
  if (await isFolder(folder)) return;
  const draft = `${folder}.${randomBytes(6).toString("hex")}.new`;
  for (const part of ["objects/info", "objects/pack", "refs/heads", "refs/tags"]) {
    await mkdir(join(draft, part), { recursive: true });
  }
  await writeFile(join(draft, "config"), CONFIG);
  await writeFile(join(draft, "HEAD"), `ref: refs/heads/${defaultBranch}\n`);
  try {
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!(await isFolder(folder))) throw error;
  }
}

/** Makes `branch` what a clone checks out. */
export async function writeHead(folder: string, branch: string): Promise<void> {
  const draft = join(folder, `HEAD.${randomBytes(6).toString("hex")}`);
  await writeFile(draft, `ref: refs/heads/${branch}\n`);
  await rename(draft, join(folder, "HEAD"));
}

/** Takes the folder out of the way at once, then removes it. */
export async function removeRepositoryFolder(folder: string): Promise<void> {
  const gone = `${folder}.${randomBytes(6).toString("hex")}.gone`;
  try {
    await rename(folder, gone);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  await rm(gone, { recursive: true, force: true });
}
