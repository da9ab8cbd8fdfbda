import { linkSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { hasCode } from "@windrow/service";
import { CliError } from "../cli-error.ts";
import { type DataFolder, readIfThere } from "./data-folder.ts";
import { decodeIdentity, encodeIdentity, identifyProcess, isStillRunning } from "./process-identity.ts";

const TRIES_MAX = 5;

/**
 * Makes sure that one `windrow up` works on a data folder; answers the function that gives the folder free. A lock whose
 * owner died is taken over. Errors: CliError `already_running` with the owner's process id.
 */
export function takeUpLock(folder: DataFolder): () => void {
  const lock = path.join(folder.run, "up.pid");
  const own = identifyProcess(process.pid);
  if (own === undefined) throw new Error("this process cannot see itself");
  const draft = `${lock}.${own.pid}`;
  writeFileSync(draft, encodeIdentity(own));
  try {
    for (let tryNo = 1; tryNo <= TRIES_MAX; tryNo++) {
      // By link, so that the lock never exists without its content.
      if (linkUnlessThere(draft, lock)) return () => rmSync(lock, { force: true });
      const owner = decodeIdentity(readIfThere(lock) ?? "");
      if (owner !== undefined && isStillRunning(owner)) {
        throw new CliError(`windrow already runs on ${folder.root}, as process ${owner.pid}`, {
          code: "already_running",
          hint: `Use it, end it with: kill ${owner.pid}, or start another farm with --data and other ports`,
        });
      }
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new CliError(`the lock ${lock} could not be taken`, { code: "already_running" });
}

function linkUnlessThere(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}
