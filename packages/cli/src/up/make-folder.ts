import { accessSync, constants, mkdirSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { hasCode } from "@windrow/service";
import { type CliError, usageError } from "../cli-error.ts";

const ROOT_MODE = 0o711;
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no folder can be made there",
  EACCES: "you may not write there",
  EPERM: "you may not write there",
  EROFS: "its file system is read-only",
  ENOSPC: "the disk is full",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its links lead in a circle",
};

/** Makes the data folder and answers its real path. Errors: CliError `usage` when it cannot be made or written to. */
export function makeDataRoot(dataDir: string): string {
  makeFolder(dataDir, ROOT_MODE);
  const root = realpathSync(dataDir);
  try {
    accessSync(root, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw cannotUse({ folder: dataDir, error, flag: "--data", verb: "written to" });
  }
  return root;
}

/**
 * Makes a folder and all that is missing above it, one at a time: Node's own recursive way never ends where the system
 * answers "no such file" for a new name in a folder that exists, as /proc does. Errors: CliError `usage`.
 */
export function makeFolder(folder: string, mode: number, flag = "--data"): void {
  const missing: string[] = [];
  try {
    for (let at = folder; !isFolder(at); at = path.dirname(at)) missing.unshift(at);
    for (const one of missing) makeOne(one, mode);
  } catch (error) {
    throw cannotUse({ folder, error, flag, verb: "made" });
  }
}

function makeOne(folder: string, mode: number): void {
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another start may be making the same folder at the same moment.
    if (!hasCode(error, "EEXIST") || !isFolder(folder)) throw error;
  }
}

/** False where nothing is. Throws for a file in the folder's place or above it. */
function isFolder(at: string): boolean {
  try {
    if (statSync(at).isDirectory()) return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    if (!hasCode(error, "ENOTDIR")) throw error;
    return isFolder(path.dirname(at));
  }
  throw usageError(`${at} is a file, not a folder`);
}

function cannotUse(of: { folder: string; error: unknown; flag: string; verb: "made" | "written to" }): CliError {
  const { folder, error, flag, verb } = of;
  if (!(error instanceof Error && "code" in error)) throw error;
  const code = String(error.code);
  const why = code === "usage" ? error.message : (REASONS[code] ?? `the system answers ${code}`);
  return usageError(
    `the folder ${folder} cannot be ${verb}: ${why}`,
    `Name a folder that you may write to with ${flag}`,
  );
}
