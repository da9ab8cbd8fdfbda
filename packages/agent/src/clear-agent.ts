import { rmSync } from "node:fs";
import { createHostBackend, sweepSites } from "@windrow/backends";
import type { Logger } from "@windrow/service";
import { filesLinkOf, makeAgentFolders, sitesDirOf } from "./start/agent-folders.ts";
import { lockAgentFolder } from "./start/agent-lock.ts";
import { removeEmptyMemoryFolder } from "./start/memory-folder.ts";

/**
 * Ends every job that an agent which is gone left behind, and removes what it keeps outside of its folder. Whoever ends
 * machines calls it before the folder itself goes; the agent must not run.
 */
export async function clearAgent(options: {
  readonly agentDir: string;
  readonly hasSlotUsers: boolean;
  readonly logger: Logger;
}): Promise<void> {
  const { agentDir, hasSlotUsers, logger } = options;
  const folders = makeAgentFolders(agentDir, hasSlotUsers);
  lockAgentFolder(agentDir);
  const backend = createHostBackend();
  const receipts = await sweepSites({ backend, sitesDir: folders.sitesDir, keepAttemptIds: new Set() });
  await backend.close();
  if (receipts.size > 0) logger.info({ count: receipts.size }, "jobs that were left behind are ended");
  const outside = [folders.workRootDir, folders.trashDir, folders.actionsDir, folders.toolsDir, folders.runtimesDir];
  for (const folder of outside) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  if (folders.memoryFiles !== undefined) rmSync(folders.memoryFiles.rootDir, { recursive: true, force: true });
  for (const link of [sitesDirOf(agentDir), filesLinkOf(agentDir)]) removeIfThere(link);
}

/** The folder that a link led to may be gone already. */
function removeIfThere(link: string): void {
  try {
    removeEmptyMemoryFolder(link);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
