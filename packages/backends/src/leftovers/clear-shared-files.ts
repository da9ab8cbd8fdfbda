import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "@windrow/service";
import { wipeFolder } from "../work-dir.ts";

/** Where every user may make files and folders, and nobody but their owner may remove them. */
const sharedFolders = ["/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock"];
/** Younger than this a folder's time may be that of a change which came after the look. */
const settledMs = 50;

/** By folder and user: the time of the last change to the folder after which nothing of the user was in it. */
const cleanSince = new Map<string, number>();

/** Removes what a user has in folders that all users share, with all below it. */
export async function clearSharedFiles(uid: number): Promise<void> {
  for (const folder of sharedFolders) await clearFolder(folder, uid);
}

async function clearFolder(folder: string, uid: number): Promise<void> {
  const changedAtMs = await ifThere(async () => (await stat(folder)).mtimeMs);
  const key = `${uid} ${folder}`;
  if (changedAtMs === undefined || cleanSince.get(key) === changedAtMs) return;
  const lookedAtMs = Date.now();
  let isClean = true;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const owner = await ifThere(async () => (await lstat(path)).uid);
    if (owner !== uid) continue;
    isClean = false;
    await wipeFolder(path);
  }
  if (isClean && lookedAtMs - changedAtMs > settledMs) cleanSince.set(key, changedAtMs);
  else cleanSince.delete(key);
}

async function ifThere<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES")) return undefined;
    throw error;
  }
}
