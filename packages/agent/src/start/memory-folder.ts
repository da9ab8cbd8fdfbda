import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { hasCode } from "@windrow/service";

/** As statfs tells it. */
const TMPFS_TYPE = 0x01021994;
const OWNER_FILE = ".owner";

/** Where folders held in memory may stand. */
export interface MemoryPlaces {
  /** The first of these that is held in memory is taken. */
  readonly parents: readonly string[];
  /** Of the parent. */
  readonly mode: 0o700 | 0o711;
}

/** For what is the agent's alone. */
export const AGENT_PLACES: MemoryPlaces = { parents: ["/run/windrow-agents", "/dev/shm/windrow-agents"], mode: 0o700 };

/** For files that jobs write to: only where any user may fill the memory anyway, and slot users walk through. */
export const JOB_PLACES: MemoryPlaces = { parents: ["/dev/shm/windrow-job-files"], mode: 0o711 };

/**
 * Makes `link` lead to a folder held in memory, for the dozen tiny files by which a job, its supervisor and its agent talk:
 * they mean nothing after the machine restarted, and making them on a disk costs more than running a small job. False when
 * there is no such place (or the agent is not root, whose files in memory a logout may remove): the caller makes a plain
 * folder.
 */
export function linkMemoryFolder(link: string, key: string, places: MemoryPlaces): boolean {
  const kind = lstatSync(link, { throwIfNoEntry: false });
  if (process.getuid?.() !== 0 || (kind !== undefined && !kind.isSymbolicLink())) return false;
  if (kind !== undefined) {
    const folder = readlinkSync(link);
    if (places.parents.includes(dirname(folder))) isUsable(dirname(folder), places.mode);
    makeOwn(folder, link);
    return true;
  }
  const parent = places.parents.find((candidate) => isUsable(candidate, places.mode));
  if (parent === undefined) return false;
  removeAbandoned(parent);
  const folder = join(parent, key);
  // The link first: a folder that no link leads to is taken for abandoned.
  symlinkSync(folder, link);
  makeOwn(folder, link);
  return true;
}

/** Removes the folder behind `link` when no attempt is left in it; the next start makes it again. */
export function removeEmptyMemoryFolder(link: string): void {
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  const folder = readlinkSync(link);
  if (readdirSync(folder).every((name) => name.startsWith("."))) rmSync(folder, { recursive: true, force: true });
}

function makeOwn(folder: string, link: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, OWNER_FILE), link, { mode: 0o600 });
}

/** Anybody may make folders in /dev/shm: one that is not root's alone is left to whoever made it. */
function isUsable(parent: string, wanted: MemoryPlaces["mode"]): boolean {
  try {
    mkdirSync(parent, { mode: 0o700 });
    // Whatever the process's umask.
    chmodSync(parent, wanted);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) return false;
  }
  const { uid, mode } = lstatSync(parent);
  return (mode & 0o170077) === (0o040000 | (wanted & 0o077)) && uid === 0 && statfsSync(parent).type === TMPFS_TYPE;
}

/** Folders of agents that were removed without being asked to stop. */
function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name);
    try {
      const link = readFileSync(join(folder, OWNER_FILE), "utf8");
      if (isLinkTo(link, folder)) continue;
    } catch (error) {
      // Being made, or being removed by somebody else.
      if (hasCode(error, "ENOENT")) continue;
      throw error;
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

function isLinkTo(link: string, folder: string): boolean {
  return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(link) === folder;
}
