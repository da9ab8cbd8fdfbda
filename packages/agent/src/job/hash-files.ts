import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, globSync, openSync, readSync } from "node:fs";
import { join } from "node:path";

/** Files that one call may match; more is a mistake in the pattern. */
export const HASHED_FILES_MAX = 10_000;

const PIECE_BYTES = 256 * 1024;

/**
 * The `hashFiles` of expressions: SHA-256 over the SHA-256 of every file in the workspace that a pattern matches, in
 * order of path; a pattern with `!` takes files out again. Empty when nothing matches. Links are not followed.
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
  let count = 0;
  for (const path of [...matched].sort()) {
    const digest = hashFile(join(workspaceDir, path));
    if (digest === undefined) continue;
    if (++count > HASHED_FILES_MAX) throw new Error(`hashFiles matches more than ${HASHED_FILES_MAX} files`);
    digests.update(digest);
  }
  return count === 0 ? "" : digests.digest("hex");
}

/** Patterns may be absolute as long as they stay in the workspace. */
function inWorkspace(workspaceDir: string, pattern: string): string | undefined {
  const inside = pattern.startsWith(`${workspaceDir}/`) ? pattern.slice(workspaceDir.length + 1) : pattern;
  return inside.startsWith("/") || inside.split("/").includes("..") ? undefined : inside;
}

function hashFile(path: string): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && "code" in error && typeof error.code === "string") return undefined;
    throw error;
  }
  try {
    if (!fstatSync(file).isFile()) return undefined;
    const hash = createHash("sha256");
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read));
    return hash.digest();
  } finally {
    closeSync(file);
  }
}
