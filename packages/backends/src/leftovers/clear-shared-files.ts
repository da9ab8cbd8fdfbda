import { lstatSync, readdirSync, statSync } from "node:fs";
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
  const changedAtMs = ifThere(() => statSync(folder).mtimeMs);
  const key = `${uid} ${folder}`;
  if (changedAtMs === undefined || cleanSince.get(key) === changedAtMs) return;
  const lookedAtMs = Date.now();
  let isClean = true;
  // At once: the way through the thread pool costs thirty times the look itself, and there may be thousands.
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const owner = ifThere(() => lstatSync(path).uid);
    if (owner !== uid) continue;
    isClean = false;
    await wipeFolder(path);
  }
  if (isClean && lookedAtMs - changedAtMs > settledMs) cleanSince.set(key, changedAtMs);
  else cleanSince.delete(key);
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES")) return undefined;
    throw error;
  }
}
