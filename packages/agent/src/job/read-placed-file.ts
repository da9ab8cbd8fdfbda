import { closeSync, constants, existsSync, openSync, readlinkSync, realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import { type OwnedFile, readOpenFile, toRefusal } from "./read-owned-file.ts";

export interface PlacedFile {
  /** As a job names it. */
  readonly path: string;
  /** What a relative path begins at. */
  readonly fromDir: string;
  /** Folders one of which it must stand in, wherever links in the path lead. */
  readonly rootDirs: readonly string[];
  readonly bytesMax: number;
}

/**
 * Reads a file that a job names: the agent may read what the job may not, so only what really stands in certain folders
 * is read, whatever links lead there.
 */
export function readPlacedFile({ path, fromDir, rootDirs, bytesMax }: PlacedFile): OwnedFile {
  if (path.includes("\0")) return { kind: "refused", why: "its name holds a NUL" };
  let file: number;
  try {
    file = openSync(resolve(fromDir, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return toRefusal(error);
  }
  try {
    // Where the open file really is: nothing can be exchanged between this look and the reading.
    const place = readlinkSync(`/proc/self/fd/${file}`);
    const isInside = rootDirs.some((root) => existsSync(root) && place.startsWith(`${realpathSync(root)}${sep}`));
    if (!isInside) return { kind: "refused", why: "it stands outside the job's folders" };
    return readOpenFile(file, bytesMax);
  } finally {
    closeSync(file);
  }
}
