import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";

export interface SpoolFolderOptions {
  readonly siteDir: string;
  /** The agent's folder of the attempt on a disk. */
  readonly attemptDir: string;
}

/**
 * Makes the site's folder with a link to where output is spooled: the site may be held in memory, output may be large and
 * outlives the machine's restart. Does nothing to what is there already. Answers the path of the link.
 */
export function prepareSpoolFolder({ siteDir, attemptDir }: SpoolFolderOptions): string {
  const spoolDir = join(attemptDir, "spool");
  const link = join(siteDir, "spool");
  // The last that is made, so all is there; asking costs a tenth of being refused four times.
  if (existsSync(link)) return link;
  // Slot users walk through the attempt's folder to the job's own.
  ignoreExisting(() => mkdirSync(attemptDir, { mode: 0o711 }));
  ignoreExisting(() => mkdirSync(spoolDir, { mode: 0o700 }));
  ignoreExisting(() => mkdirSync(siteDir, { mode: 0o700 }));
  ignoreExisting(() => symlinkSync(spoolDir, link));
  return link;
}

function ignoreExisting(make: () => void): void {
  try {
    make();
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}
