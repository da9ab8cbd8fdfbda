import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

export type OwnedFile =
  | { readonly kind: "read"; readonly text: string }
  | { readonly kind: "missing" }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Reads a file that a job may have put anything at: never through a link, never a device or pipe that would block, never
 * more than `bytesMax`. Small and in the page cache, so read without waiting.
 */
export function readOwnedFile(path: string, bytesMax: number): OwnedFile {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return toRefusal(error);
  }
  try {
    return readOpenFile(file, bytesMax);
  } finally {
    closeSync(file);
  }
}

/** What an error of opening says of the file. Throws errors that say nothing of it. */
export function toRefusal(error: unknown): OwnedFile {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing" };
  if (code === "ELOOP") return { kind: "refused", why: "it is a link" };
  // The job decides what stands there: but for the machine's own troubles, whatever is wrong with it is the job's affair.
  if (code === undefined || OWN_TROUBLES.has(code)) throw error;
  return { kind: "refused", why: `it cannot be opened (${code})` };
}

const OWN_TROUBLES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EIO", "ENOSPC"]);

/** The text of an open file, if it is a plain one with one name. */
export function readOpenFile(file: number, bytesMax: number): OwnedFile {
  const stats = fstatSync(file);
  if (!stats.isFile()) return { kind: "refused", why: "it is not a plain file" };
  if (stats.nlink !== 1) return { kind: "refused", why: "it has several names" };
  if (stats.size > bytesMax) return { kind: "refused", why: `it is larger than ${bytesMax} bytes` };
  const buffer = Buffer.alloc(stats.size);
  const bytesRead = stats.size === 0 ? 0 : readSync(file, buffer, 0, stats.size, 0);
  return { kind: "read", text: buffer.toString("utf8", 0, bytesRead) };
}
