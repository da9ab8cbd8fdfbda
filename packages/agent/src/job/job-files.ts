import { closeSync, fchownSync, lchownSync, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SlotUser, WorkDir } from "@windrow/backends";

export interface JobFilesOptions {
  /** Holds one folder per attempt; slot users can walk through it, nobody but the agent can list it. */
  readonly workRootDir: string;
  readonly attemptId: string;
  readonly user?: SlotUser | undefined;
}

/** The folders and files of one job on this machine. */
export interface JobFiles {
  readonly work: WorkDir;
  /** Where `write` puts files. */
  readonly dir: string;
  /**
   * Makes a file in a folder of the agent's, readable and writable by the job's user alone: the job cannot put anything
   * else in its place. One that exists is left as it is. Answers its path.
   */
  write(name: string, text: string): string;
}

/**
 * Makes a job's folders, or finds them again after a restart of the agent. Without waiting: a dozen calls into the page
 * cache, which take less time than handing them to other threads.
 */
export function prepareJobFiles({ workRootDir, attemptId, user }: JobFilesOptions): JobFiles {
  const attemptDir = join(workRootDir, attemptId);
  const workDir = join(attemptDir, "job");
  const work = {
    workDir,
    workspaceDir: join(workDir, "workspace"),
    homeDir: join(workDir, "home"),
    tempDir: join(workDir, "tmp"),
  };
  makeFolder(attemptDir, 0o711);
  const isNew = makeFolder(workDir, 0o700);
  if (isNew) {
    // The folder itself goes to the user last: until then nobody but the agent can put anything into it.
    for (const folder of [work.workspaceDir, work.homeDir, work.tempDir]) {
      makeFolder(folder, 0o700);
      if (user !== undefined) lchownSync(folder, user.uid, user.gid);
    }
    if (user !== undefined) lchownSync(workDir, user.uid, user.gid);
  }
  return {
    work,
    dir: attemptDir,
    write(name, text) {
      const path = join(attemptDir, name);
      try {
        const file = openSync(path, "wx", 0o600);
        try {
          if (text !== "") writeFileSync(file, text);
          if (user !== undefined) fchownSync(file, user.uid, user.gid);
        } finally {
          closeSync(file);
        }
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      }
      return path;
    },
  };
}

/**
 * Puts a folder where no job can reach it and the next sweep finds it: at once, since the next job of the slot runs as
 * the same user.
 */
export function moveToTrash(folder: string, trashDir: string, name: string): void {
  try {
    renameSync(folder, join(trashDir, name));
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/** False when it was there. The mode is not narrowed by the process's umask (022). */
function makeFolder(folder: string, mode: number): boolean {
  try {
    mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
