import { statSync } from "node:fs";
import { dirname } from "node:path";
import { hasCode } from "@windrow/service";

/**
 * The folders of a PATH that other users can look into. A job of another user finds nothing in the others, and programs
 * that search the whole of PATH complain of them.
 */
export function reachablePath(path: string): string {
  return path
    .split(":")
    .filter((folder) => folder.startsWith("/") && isReachable(folder))
    .join(":");
}

/** What is not there may come later. */
function isReachable(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    try {
      if ((statSync(at).mode & 0o001) === 0) return false;
    } catch (error) {
      if (!hasCode(error, "ENOENT")) return false;
    }
    if (at === dirname(at)) return true;
  }
}
