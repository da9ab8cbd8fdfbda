import { existsSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobSite } from "../step-backend.ts";

/** With less room than this where output is stored, it is stored in a way that waits for room. */
const careBelowBytes = 1024 ** 3;

const paths = ["/usr/bin/fallocate", "/bin/fallocate", "/usr/local/bin/fallocate"];

/**
 * Tells the supervisor to store a step's output with care where little room is left: slower, so not everywhere, and by a
 * program (util-linux) without which a full disk costs the job.
 */
export function noteCareful(site: JobSite, stepNo: number): void {
  const { bavail, bsize } = statfsSync(join(site.siteDir, "spool"));
  if (bavail * bsize >= careBelowBytes) return;
  const fallocate = paths.find((path) => existsSync(path));
  if (fallocate !== undefined) writeFileSync(join(site.siteDir, `steps/${stepNo}/careful`), `${fallocate}\n`);
}
