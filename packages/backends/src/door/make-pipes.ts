import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";
import { BackendFault } from "../backend-fault.ts";

/** Makes named pipes that every user may read and write, in place of what stands there. Throws `supervisor_failed`. */
export async function makePipes(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
  try {
    await promisify(execFile)("mkfifo", ["--", ...paths]);
  } catch (error) {
    throw new BackendFault("supervisor_failed", `no pipes could be made for a container`, { cause: error });
  }
  for (const path of paths) chmodSync(path, 0o666);
}
