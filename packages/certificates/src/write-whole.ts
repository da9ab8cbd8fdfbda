import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { hasCode } from "@windrow/service";

const SECRET_MODE = 0o600;

/** Replaces a file, mode 600: whole or not at all, and on the disk before it counts. */
export function writeWhole(path: string, text: string): void {
  renameSync(writeDraft(path, text), path);
}

/** The same, unless the file is there already: of two processes that make it at once, one wins. */
export function writeWholeUnlessThere(path: string, text: string): void {
  const draft = writeDraft(path, text);
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    rmSync(draft);
  }
}

function writeDraft(path: string, text: string): string {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const file = openSync(draft, "wx", SECRET_MODE);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  return draft;
}
