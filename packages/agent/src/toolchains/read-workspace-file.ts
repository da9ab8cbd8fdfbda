import { closeSync, fstatSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hasCode } from "@windrow/service";
import { type OpenedInside, openInside } from "../open-inside.ts";

/** A file that names a version is short. */
const FILE_BYTES_MAX = 1024 * 1024;

/**
 * The text of a file in a job's workspace; undefined when there is none, or when a link led out of the workspace: the
 * agent may read what the job may not.
 */
export function readWorkspaceFile(workspaceDir: string, path: string): string | undefined {
  let opened: OpenedInside;
  try {
    opened = openInside(join(workspaceDir, path), [realWorkspace(workspaceDir)], { followsLast: true });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES", "ENXIO")) return undefined;
    throw error;
  }
  if (opened.kind !== "open") return undefined;
  try {
    return fstatSync(opened.file).size > FILE_BYTES_MAX ? undefined : readFileSync(opened.file, "utf8");
  } finally {
    closeSync(opened.file);
  }
}

/** The workspace without links above it; the job may have put one in its own place. */
function realWorkspace(workspaceDir: string): string {
  const workDir = dirname(workspaceDir);
  return join(realpathSync(dirname(workDir)), basename(workDir), basename(workspaceDir));
}
