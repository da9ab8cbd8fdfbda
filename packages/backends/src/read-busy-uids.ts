import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "@windrow/service";

const SETTINGS_BYTES_MAX = 65_536;
const ROOT = 0;

/** Users that have a process, or a job whose supervisor still runs: between two steps a job has no process of its own. */
export async function readBusyUids(): Promise<ReadonlySet<number>> {
  const uids = new Set<number>();
  const siteDirs = new Set<string>();
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const status = ifThere(() => readFileSync(`/proc/${pid}/status`, "latin1"));
    if (status === undefined) continue;
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
    uids.add(uid);
    // A supervisor is root's, and stands in its job's site folder.
    const siteDir = uid === ROOT ? ifThere(() => readlinkSync(`/proc/${pid}/cwd`)) : undefined;
    if (siteDir !== undefined) siteDirs.add(siteDir);
  }
  for (const siteDir of siteDirs) {
    // Its job is over; the supervisor waits for another one.
    if (existsSync(join(siteDir, "released"))) continue;
    const uid = readJobUid(join(siteDir, "settings"));
    if (uid !== undefined) uids.add(uid);
  }
  return uids;
}

/** The user in a supervisor's settings. Root has processes in many folders, and anybody may have put a file there. */
function readJobUid(file: string): number | undefined {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = ifThere(() => openSync(file, flags));
  if (fd === undefined) return undefined;
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile() || facts.uid !== ROOT || facts.size > SETTINGS_BYTES_MAX) return undefined;
    const uid = /^uid='?(\d+)'?$/m.exec(readFileSync(fd, "latin1"))?.[1];
    return uid === undefined ? undefined : Number(uid);
  } finally {
    closeSync(fd);
  }
}

/**
 * Undefined when the process or the file is gone, or is none that can be read. A process may stand in a folder so deep that
 * it has no path (whatever wipes what a job nested): that is no site.
 */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "ENOTDIR", "ELOOP", "EACCES", "ENXIO", "ENAMETOOLONG")) return undefined;
    throw error;
  }
}
