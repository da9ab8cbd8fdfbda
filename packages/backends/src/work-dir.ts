import { chmod, chown, mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { BackendFault } from "./backend-fault.ts";
import { hasCode } from "./host/site-files.ts";
import type { SlotUser } from "./step-backend.ts";

/** The folders of one job that belong to the job's user. */
export interface WorkDir {
  readonly workDir: string;
  readonly workspaceDir: string;
  readonly homeDir: string;
  readonly tempDir: string;
}

export interface WorkDirOptions {
  /** The only folder under which work folders are made and wiped; absolute, the agent's. */
  readonly rootDir: string;
  /** Below `rootDir`, absolute. */
  readonly workDir: string;
  readonly user?: SlotUser | undefined;
}

/** Makes the job's folders, owned by its user and closed to others. Throws `work_dir_invalid` when its user could not get there. */
export async function prepareWorkDir(options: WorkDirOptions): Promise<WorkDir> {
  const { workDir, user } = options;
  refuseOutside(options);
  const folders = {
    workDir,
    workspaceDir: join(workDir, "workspace"),
    homeDir: join(workDir, "home"),
    tempDir: join(workDir, "tmp"),
  };
  await mkdir(dirname(workDir), { recursive: true });
  // The folder itself goes to the user last: until then nobody but the agent can put anything into it.
  for (const folder of [workDir, folders.workspaceDir, folders.homeDir, folders.tempDir]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
  }
  if (user !== undefined) {
    for (const folder of [folders.workspaceDir, folders.homeDir, folders.tempDir, workDir]) {
      await chown(folder, user.uid, user.gid);
    }
    await refuseUnreachable(workDir, user);
  }
  return folders;
}

/**
 * Removes a job's folders with all they hold. Links are removed, never followed. Call it after `closeJob`, when no process can put anything back. Idempotent.
 */
export async function wipeWorkDir(options: WorkDirOptions): Promise<void> {
  refuseOutside(options);
  await wipeFolder(options.workDir);
}

/** For folders whose place was checked by the caller. */
export async function wipeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    // Build tools make their caches read-only (Go's modules); only root removes from such a folder.
    if (!hasCode(error, "EACCES") && !hasCode(error, "EPERM")) throw error;
    await makeRemovable(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeRemovable(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeRemovable(join(folder, entry.name));
  }
}

function refuseOutside({ rootDir, workDir }: WorkDirOptions): void {
  const path = relative(rootDir, workDir);
  if (!rootDir.startsWith("/") || !workDir.startsWith("/") || path === "" || path.split(sep)[0] === "..") {
    throw new BackendFault("work_dir_invalid", `${workDir} is not a folder below ${rootDir}`);
  }
}

/** Without this the first step would fail with nothing but "permission denied". */
async function refuseUnreachable(workDir: string, user: SlotUser): Promise<void> {
  for (let folder = dirname(workDir); ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) {
      throw new BackendFault(
        "work_dir_invalid",
        `${user.name} cannot get to ${workDir}: give ${folder} the mode bit for it (chmod o+x ${folder})`,
      );
    }
    if (folder === dirname(folder)) return;
  }
}
