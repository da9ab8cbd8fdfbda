import { clearKeyring } from "./clear-keyring.ts";
import { clearSharedFiles } from "./clear-shared-files.ts";
import { clearSharedMemory } from "./clear-shared-memory.ts";

/**
 * Removes what a job's user left on the machine besides processes and the job's own folders: keys, memory segments,
 * semaphores, message queues, and files in the folders where everybody may make some. For a user whom only one job has at a time,
 * after its processes have ended; does nothing for a job without a user of its own. It costs a few looks where nothing was left.
 */
export async function clearLeftovers(uid: number | undefined): Promise<void> {
  if (uid === undefined || uid === 0 || process.getuid?.() !== 0) return;
  await clearSharedMemory(uid);
  await clearSharedFiles(uid);
  await clearKeyring(uid);
}
