import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { wipeSite, wipeWorkDir } from "@windrow/backends";

/** Folders that one pass takes. */
export const TRASH_BATCH_MAX = 200;

/** Spools hold output as it was before redaction: they are overwritten before they go. */
const SCRIPT = `find "$@" -type f -path '*/spool/*' -size +0 -links 1 -exec shred -f -n 0 -z -- {} + 2>/dev/null
rm -rf -- "$@" 2>/dev/null`;

/**
 * Removes what attempts left behind, in batches by one process: removing it with calls of our own would cost more than
 * running a small job. What is left (folders that a job made read-only) is removed one by one.
 */
export async function sweepTrash(trashDir: string): Promise<void> {
  const names = (await readdir(trashDir)).slice(0, TRASH_BATCH_MAX);
  if (names.length === 0) return;
  await runSweep(names.map((name) => join(trashDir, name)));
  for (const name of await readdir(trashDir)) {
    if (!names.includes(name)) continue;
    const siteDir = join(trashDir, name);
    await wipeSite({ attemptId: name, siteDir, workDir: siteDir });
    await wipeWorkDir({ rootDir: trashDir, workDir: siteDir });
  }
}

/** What it could not do is looked for afterwards. */
function runSweep(folders: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    execFile("/bin/sh", ["-c", SCRIPT, "sweep", ...folders], { env: { PATH: "/usr/bin:/bin" } }, () => resolve());
  });
}
