import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { hasCode } from "@windrow/service";

/** Writes a file of mode 600: whole or not at all, and on the disk before it counts. */
export function writeSecret(path: string, text: string): void {
  const fresh = openSync(`${path}.new`, "w", 0o600);
  writeSync(fresh, text);
  fsyncSync(fresh);
  closeSync(fresh);
  renameSync(`${path}.new`, path);
}

/** Undefined when there is none. */
export function readSecret(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
