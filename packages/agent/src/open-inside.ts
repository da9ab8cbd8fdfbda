import { closeSync, constants, fstatSync, openSync, readlinkSync } from "node:fs";
import { sep } from "node:path";

/** Linux: only names what stands there. Opening it would already be felt by a device, or by whoever waits at a pipe. */
const O_PATH = 0o10000000;

export type OpenedInside =
  | { readonly kind: "open"; readonly file: number }
  /** It is a link, and links are not followed. */
  | { readonly kind: "link" }
  /** It really stands in none of the folders. */
  | { readonly kind: "outside" }
  /** It is no plain file. */
  | { readonly kind: "special" };

/**
 * Opens a file that a job has a say in for reading: the agent may open what the job may not, so only plain files that
 * really stand in one of these folders, wherever links in the path lead, are opened at all. `rootDirs` have no links in
 * them. Throws what opening throws.
 */
export function openInside(
  path: string,
  rootDirs: readonly string[],
  { followsLast }: { readonly followsLast: boolean },
): OpenedInside {
  const named = openSync(path, O_PATH | (followsLast ? 0 : constants.O_NOFOLLOW));
  try {
    const stats = fstatSync(named);
    if (stats.isSymbolicLink()) return { kind: "link" };
    // Where the named file is: nothing can be put in its place between this look and the reading.
    const place = readlinkSync(`/proc/self/fd/${named}`);
    const isInside = rootDirs.some((root) => place.startsWith(`${root}${sep}`));
    if (!isInside) return { kind: "outside" };
    if (!stats.isFile()) return { kind: "special" };
    return { kind: "open", file: openSync(`/proc/self/fd/${named}`, constants.O_RDONLY) };
  } finally {
    closeSync(named);
  }
}
