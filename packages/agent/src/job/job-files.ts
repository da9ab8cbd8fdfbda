import {
  chmodSync,
  closeSync,
  existsSync,
  fchownSync,
  lchownSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { SlotUser, WorkDir } from "@windrow/backends";
import { hasCode } from "@windrow/service";

export interface JobFilesOptions {
  /** Holds one folder per attempt; slot users can walk through it, nobody but the agent can list it. */
  readonly workRootDir: string;
  /** Holds one folder per attempt for the files; `workRootDir` unless told. */
  readonly filesRootDir?: string | undefined;
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
export function prepareJobFiles({
  workRootDir,
  filesRootDir = workRootDir,
  attemptId,
  user,
}: JobFilesOptions): JobFiles {
  const attemptDir = join(workRootDir, attemptId);
  const dir = join(filesRootDir, attemptId);
  const workDir = join(attemptDir, "job");
  const work = {
    workDir,
    workspaceDir: join(workDir, "workspace"),
    homeDir: join(workDir, "home"),
    tempDir: join(workDir, "tmp"),
  };
  for (const folder of new Set([attemptDir, dir])) {
    if (!existsSync(folder)) makeFolder(folder);
    // Whatever the process's umask: slot users must get through.
    chmodSync(folder, 0o711);
  }
  // Once it is there it is the job's, and nothing in it is touched again.
  if (!existsSync(workDir)) makeWorkDir(workDir, user);
  return {
    work,
    dir,
    write(name, text) {
      const path = join(dir, name);
      if (existsSync(path)) return path;
      // Whole or not at all: a step must never run half of its script because the agent died while it wrote it.
      const fresh = `${path}.new`;
      const file = openSync(fresh, "w", 0o600);
      try {
        if (text !== "") writeFileSync(file, text);
        if (user !== undefined) fchownSync(file, user.uid, user.gid);
      } finally {
        closeSync(file);
      }
      renameSync(fresh, path);
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

/** Java asks the list of users where home is, and not HOME; there it is nowhere, or that of other jobs. */
const MAVEN_SETTINGS = `MAVEN_OPTS="-Duser.home=$HOME \${MAVEN_OPTS-}"\n`;

/** Under another name until it is complete, so that an agent that died meanwhile makes it again. */
function makeWorkDir(workDir: string, user: SlotUser | undefined): void {
  const fresh = `${workDir}.new`;
  // what is in an incomplete one may be the job user's already: nothing is written through it
  rmSync(fresh, { recursive: true, force: true });
  makeFolder(fresh);
  for (const name of ["workspace", "home", "tmp"]) {
    makeFolder(join(fresh, name));
    if (name === "home") writeFileSync(join(fresh, name, ".mavenrc"), MAVEN_SETTINGS, { flag: "wx" });
    if (user !== undefined) lchownSync(join(fresh, name), user.uid, user.gid);
  }
  if (user !== undefined) lchownSync(fresh, user.uid, user.gid);
  renameSync(fresh, workDir);
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}
