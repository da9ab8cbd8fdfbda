import { statfs } from "node:fs/promises";
import type { Check } from "@windrow/contract";

const GIB = 1024 ** 3;
const FAILED_BYTES = GIB;
const WARN_BYTES = 10 * GIB;
const WARN_SHARE = 0.1;

/** The room where logs, artifacts and repositories are kept. */
export async function checkDisk(folder: string): Promise<Check> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return judgeDisk({ freeBytes: bavail * bsize, allBytes: blocks * bsize, folder });
}

export function judgeDisk(disk: {
  readonly freeBytes: number;
  readonly allBytes: number;
  readonly folder: string;
}): Check {
  const { freeBytes, allBytes, folder } = disk;
  const name = "disk";
  const detail = `${(freeBytes / GIB).toFixed(1)} of ${(allBytes / GIB).toFixed(0)} GiB free in ${folder}`;
  const hint = "Give it more room, or move the data folder: without room no log is stored, and jobs wait";
  if (freeBytes < FAILED_BYTES) return { name, state: "failed", detail, hint };
  // a large disk may be nine tenths full and still have room for weeks
  const isLow = freeBytes < WARN_BYTES && freeBytes < allBytes * WARN_SHARE;
  return isLow ? { name, state: "warning", detail, hint } : { name, state: "ok", detail };
}
