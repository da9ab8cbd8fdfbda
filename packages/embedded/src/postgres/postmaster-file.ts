import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@windrow/service";

/** What Postgres writes into `postmaster.pid`; the fields appear one by one while it starts. */
export interface PostmasterFile {
  readonly pid: number;
  readonly dataDir: string;
  readonly socketDir: string | undefined;
  readonly isReady: boolean;
}

/** Reads `postmaster.pid` of a Postgres data folder; undefined when there is none or it is not filled yet. */
export function readPostmasterFile(dataDir: string): PostmasterFile | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataDir, "postmaster.pid"), "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const lines = text.split("\n").map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0 || !lines[1]) return undefined;
  return { pid, dataDir: lines[1], socketDir: lines[4] || undefined, isReady: lines[7] === "ready" };
}
