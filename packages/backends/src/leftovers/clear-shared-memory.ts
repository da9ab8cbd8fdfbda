import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { hasCode } from "@windrow/service";

const kinds = [
  { file: "shm", option: "-m", id: "shmid" },
  { file: "sem", option: "-s", id: "semid" },
  { file: "msg", option: "-q", id: "msqid" },
] as const;

/** Removes the System V memory segments, semaphores and queues of a user; those of a namespace went with it. */
export async function clearSharedMemory(uid: number): Promise<void> {
  const words = kinds.flatMap(({ file, option, id }) => findIds(file, id, uid).flatMap((found) => [option, found]));
  if (words.length === 0) return;
  await new Promise<void>((resolve) => {
    // One that is gone meanwhile is an error to it, and none to us.
    execFile("ipcrm", words, { cwd: "/" }, () => resolve());
  });
}

function findIds(file: string, id: string, uid: number): string[] {
  const [head, ...lines] = read(`/proc/sysvipc/${file}`)
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const idAt = head?.indexOf(id) ?? -1;
  const uidAt = head?.indexOf("uid") ?? -1;
  const creatorAt = head?.indexOf("cuid") ?? -1;
  return lines.flatMap((fields) => {
    const found = fields[idAt];
    const isOurs = fields[uidAt] === String(uid) || fields[creatorAt] === String(uid);
    return found !== undefined && isOurs ? [found] : [];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}
