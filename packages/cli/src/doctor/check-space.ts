import { statfs } from "node:fs/promises";
import type { Check } from "@windrow/contract";

const GIB = 1024 ** 3;
/** An agent takes no job with less than a quarter of this. */
const WARN_BYTES = GIB;

/** Room on this machine's own disk; the farm's is looked at by its controllers. */
export async function checkSpace(folder: string): Promise<Check> {
  const { bavail, bsize } = await statfs(folder);
  return judgeSpace(bavail * bsize, folder);
}

export function judgeSpace(freeBytes: number, folder: string): Check {
  const name = "space";
  const detail = `${(freeBytes / GIB).toFixed(1)} GiB free in ${folder}`;
  if (freeBytes >= WARN_BYTES) return { name, state: "ok", detail };
  return { name, state: "warning", detail, hint: "Make room: an agent with less than 0.25 GiB takes no job" };
}
