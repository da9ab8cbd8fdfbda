import { closeSync, existsSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { type OpenedInside, openInside } from "../open-inside.ts";
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
  let opened: OpenedInside;
  try {
    const roots = rootDirs.filter((root) => existsSync(root)).map((root) => realpathSync(root));
    opened = openInside(resolve(fromDir, path), roots, { followsLast: false });
  } catch (error) {
    return toRefusal(error);
  }
  if (opened.kind !== "open") return { kind: "refused", why: WHY_NOT[opened.kind] };
  try {
    return readOpenFile(opened.file, bytesMax);
  } finally {
    closeSync(opened.file);
  }
}

const WHY_NOT = {
  link: "it is a link",
  outside: "it stands outside the job's folders",
  special: "it is not a plain file",
} as const;
