import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hasCode } from "@windrow/service";

/** A file that names a version is short. */
const FILE_BYTES_MAX = 1024 * 1024;

/**
 * The text of a file in a job's workspace; undefined when there is none, or when a link led out of the workspace: the
 * agent may read what the job may not.
 */
export function readWorkspaceFile(workspaceDir: string, path: string): string | undefined {
  let file: number;
  try {
    file = openSync(join(workspaceDir, path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES", "ENXIO")) return undefined;
    throw error;
  }
  try {
    // where the open file really is: nothing can be exchanged between this look and the reading
    const stats = fstatSync(file);
    const isInside = readlinkSync(`/proc/self/fd/${file}`).startsWith(`${realWorkspace(workspaceDir)}/`);
    if (!isInside || !stats.isFile() || stats.size > FILE_BYTES_MAX) return undefined;
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/** The workspace without links above it; the job may have put one in its own place. */
function realWorkspace(workspaceDir: string): string {
  const workDir = dirname(workspaceDir);
  return join(realpathSync(dirname(workDir)), basename(workDir), basename(workspaceDir));
}
