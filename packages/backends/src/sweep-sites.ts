import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { BackendFault } from "./backend-fault.ts";
import { removeJobCgroups } from "./limits/job-cgroups.ts";
import type { JobReceipt, JobSite, StepBackend } from "./step-backend.ts";
import { wipeFolder } from "./work-dir.ts";

export interface SweepSitesOptions {
  readonly backend: StepBackend;
  /** Holds one site folder per attempt, named by the attempt's id. */
  readonly sitesDir: string;
  readonly keepAttemptIds: ReadonlySet<string>;
  /** What else of the attempt must go (its work folder); called after its processes have ended. */
  readonly afterEnd?: ((attemptId: string) => Promise<void>) | undefined;
}

/** What an agent that crashed left behind: ends every supervisor that is not to be kept and wipes its site. */
export async function sweepSites(options: SweepSitesOptions): Promise<ReadonlyMap<string, JobReceipt | undefined>> {
  const receipts = new Map<string, JobReceipt | undefined>();
  for (const attemptId of await readNames(options.sitesDir)) {
    // The stock of pipes lies beside the sites.
    if (attemptId.startsWith(".") || options.keepAttemptIds.has(attemptId)) continue;
    const site: JobSite = { attemptId, siteDir: join(options.sitesDir, attemptId), workDir: "/nonexistent" };
    receipts.set(attemptId, await options.backend.endRemains(site));
    await options.afterEnd?.(attemptId);
    await wipeSite(site);
  }
  return receipts;
}

/** Shreds the spools, which hold output as it was before redaction, and removes the site. Call it after `closeJob`. */
export async function wipeSite(site: JobSite): Promise<void> {
  if (!site.siteDir.startsWith("/") || site.siteDir === "/") {
    throw new BackendFault("site_invalid", `${site.siteDir} is no site folder`);
  }
  const spoolDir = join(site.siteDir, "spool");
  // Those of a job that was never ended.
  await removeJobCgroups(site);
  for (const name of await readNames(spoolDir)) await shred(join(spoolDir, name));
  await wipeFolder(site.siteDir);
}

const zeros = Buffer.alloc(1 << 20);

/** Overwrites in place. On a copying file system or a wearing disk old blocks may live on: that is said in the manual. */
async function shred(path: string): Promise<void> {
  const { size, nlink } = await lstat(path);
  if (nlink !== 1) return;
  const file = await open(path, "r+");
  try {
    for (let offset = 0; offset < size; offset += zeros.length) {
      await file.write(zeros, 0, Math.min(zeros.length, size - offset), offset);
    }
  } finally {
    await file.close();
  }
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}
