import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { wipeSite } from "@windrow/backends";
import type { AgentFolders } from "./start/agent-folders.ts";

/** Folders that one pass takes. */
export const TRASH_BATCH_MAX = 200;

/**
 * Spools hold output as it was before redaction: they are overwritten before they go. They lie in folders of the agent's
 * alone; a job's own folders lie deeper.
 */
const SCRIPT = `for folder; do printf '%s\\0' "$folder"/spool/*; done | xargs -0 shred -f -n 0 -z -- 2>/dev/null
rm -rf -- "$@" 2>/dev/null`;

export type TrashFolders = Pick<AgentFolders, "trashDir" | "siteTrashDir" | "memoryFiles">;

/**
 * Removes what attempts left behind, in batches by one process: removing it with calls of our own would cost more than
 * running a small job. What is left (folders that a job made read-only) is removed one by one; one that cannot be removed
 * does not keep the others. Throws the first error when all were tried.
 */
export async function sweepTrash({ trashDir, siteTrashDir, memoryFiles }: TrashFolders): Promise<void> {
  // Without output, and mostly in memory: gone before a process could be started for it.
  for (const folder of [siteTrashDir, ...(memoryFiles === undefined ? [] : [memoryFiles.trashDir])]) {
    for (const name of await readdir(folder)) rmSync(join(folder, name), { recursive: true, force: true });
  }
  await sweepFolder(trashDir);
}

async function sweepFolder(parent: string): Promise<void> {
  const names = (await readdir(parent)).slice(0, TRASH_BATCH_MAX);
  if (names.length === 0) return;
  const folders = names.map((name) => join(parent, name));
  await runSweep(folders);
  let firstError: unknown;
  for (const folder of folders.filter((path) => existsSync(path))) {
    try {
      await wipeSite({ attemptId: basename(folder), siteDir: folder, workDir: folder });
    } catch (error) {
      firstError ??= error;
    }
  }
  if (firstError !== undefined) throw firstError;
}

/** What it could not do is looked for afterwards. */
function runSweep(folders: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    execFile("/bin/sh", ["-c", SCRIPT, "sweep", ...folders], { env: { PATH: "/usr/bin:/bin" } }, () => resolve());
  });
}
