import { execFile } from "node:child_process";
import { chmod, chown, lstat, mkdir, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { hasCode } from "@windrow/service";
import { BackendFault } from "./backend-fault.ts";
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

/**
 * Makes the job's folders, owned by its user and closed to others. Folders that were handed over before are left as they
 * are: what stands in them now is the job's doing, and a link there must not have its target changed. Throws
 * `work_dir_invalid` when its user could not get there.
 */
export async function prepareWorkDir(options: WorkDirOptions): Promise<WorkDir> {
  const { workDir, user } = options;
  refuseOutside(options);
  const folders = {
    workDir,
    workspaceDir: join(workDir, "workspace"),
    homeDir: join(workDir, "home"),
    tempDir: join(workDir, "tmp"),
  };
  if (user !== undefined && (await isHandedOver(workDir, user))) return folders;
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

/** The folder lies in one of the agent's, so that its job cannot put another in its place; it got its owner last. */
async function isHandedOver(workDir: string, user: SlotUser): Promise<boolean> {
  try {
    const stats = await lstat(workDir);
    return stats.isDirectory() && stats.uid === user.uid;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
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
    if (!(error instanceof Error && "code" in error && typeof error.code === "string")) throw error;
    await wipeStubbornFolder(folder);
  }
}

/**
 * By the system's own rm, which walks by descriptor: a job may nest folders so deep that no path reaches them. Before it,
 * for an agent that is not root, everything is made writable: build tools make their caches read-only (Go's modules).
 */
async function wipeStubbornFolder(folder: string): Promise<void> {
  const run = promisify(execFile);
  const options = { env: {}, cwd: "/" };
  if (process.getuid?.() !== 0) await run("/bin/chmod", ["-R", "u+rwX", "--", folder], options).catch(() => undefined);
  await run("/bin/rm", ["-rf", "--", folder], options);
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
