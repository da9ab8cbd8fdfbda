import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, globSync, openSync, readlinkSync, readSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Files that one call may match; more is a mistake in the pattern. */
export const HASHED_FILES_MAX = 10_000;
/** Bytes that one call may hash. It is waited for: no other job of the agent goes on meanwhile. */
export const HASHED_BYTES_MAX = 256 * 1024 * 1024;

const TOO_MUCH = `hashFiles matches more than ${HASHED_BYTES_MAX} bytes`;
const PIECE_BYTES = 256 * 1024;

/**
 * The `hashFiles` of expressions: SHA-256 over the SHA-256 of every file in the workspace that a pattern matches, in
 * order of path; a pattern with `!` takes files out again. Empty when nothing matches. Links are not followed, wherever in
 * a path they stand: the agent may read what the job may not. Throws when it would be too much.
 */
export function hashFiles(workspaceDir: string, patterns: readonly string[]): string {
  const matched = new Set<string>();
  for (const line of patterns.flatMap((pattern) => pattern.split("\n"))) {
    const pattern = line.trim();
    if (pattern === "" || pattern.startsWith("#")) continue;
    const isExcluded = pattern.startsWith("!");
    const inside = inWorkspace(workspaceDir, isExcluded ? pattern.slice(1) : pattern);
    if (inside === undefined) continue;
    for (const path of globSync(inside, { cwd: workspaceDir })) {
      if (isExcluded) matched.delete(path);
      else matched.add(path);
    }
  }
  const digests = createHash("sha256");
  const realDir = realWorkspace(workspaceDir);
  let count = 0;
  let leftBytes = HASHED_BYTES_MAX;
  for (const path of [...matched].sort()) {
    const hashed = hashFile(join(workspaceDir, path), join(realDir, path), leftBytes);
    if (hashed === undefined) continue;
    leftBytes -= hashed.bytesCount;
    if (++count > HASHED_FILES_MAX) throw new Error(`hashFiles matches more than ${HASHED_FILES_MAX} files`);
    digests.update(hashed.digest);
  }
  return count === 0 ? "" : digests.digest("hex");
}

/** Patterns may be absolute as long as they stay in the workspace. */
function inWorkspace(workspaceDir: string, pattern: string): string | undefined {
  const inside = pattern.startsWith(`${workspaceDir}/`) ? pattern.slice(workspaceDir.length + 1) : pattern;
  return inside.startsWith("/") || inside.split("/").includes("..") ? undefined : inside;
}

/** The workspace without links above it; the job may have put one in its own place. */
function realWorkspace(workspaceDir: string): string {
  const workDir = dirname(workspaceDir);
  return join(realpathSync(dirname(workDir)), basename(workDir), basename(workspaceDir));
}

function hashFile(
  path: string,
  realPath: string,
  bytesMax: number,
): { readonly digest: Buffer; readonly bytesCount: number } | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && "code" in error && typeof error.code === "string") return undefined;
    throw error;
  }
  try {
    // Where the open file really is: nothing can be exchanged between this look and the reading.
    const stats = fstatSync(file);
    if (!stats.isFile() || readlinkSync(`/proc/self/fd/${file}`) !== realPath) return undefined;
    if (stats.size > bytesMax) throw new Error(TOO_MUCH);
    const hash = createHash("sha256");
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    let bytesCount = 0;
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      bytesCount += read;
      if (bytesCount > bytesMax) throw new Error(TOO_MUCH);
      hash.update(piece.subarray(0, read));
    }
    return { digest: hash.digest(), bytesCount };
  } finally {
    closeSync(file);
  }
}
