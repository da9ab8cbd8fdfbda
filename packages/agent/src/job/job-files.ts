import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
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
import { COMMANDS_NAME, TOOL_CACHE_NAME } from "./job-view.ts";

export interface JobFilesOptions {
  /** Holds one folder per attempt; slot users can walk through it, nobody but the agent can list it. */
  readonly workRootDir: string;
  /** Holds one folder per attempt for the files; `workRootDir` unless told. */
  readonly filesRootDir?: string | undefined;
  readonly attemptId: string;
  readonly user?: SlotUser | undefined;
}

export type FileOwner = Pick<SlotUser, "uid" | "gid">;

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
  /** Makes what a container of the job has besides, before it starts. Does nothing when it is done already. */
  makeShared(): void;
  /** Gives the job's own folders to the user that a container runs steps as; the slot's user still gets through them. */
  giveTo(owner: FileOwner): void;
  /** As it is, with every file that is made from now on this user's. */
  ownedBy(owner: FileOwner): JobFiles;
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
  return fileFolder({ work, dir, user, owner: user });
}

interface FileFolder {
  readonly work: WorkDir;
  readonly dir: string;
  /** Of the slot. */
  readonly user: SlotUser | undefined;
  readonly owner: FileOwner | undefined;
}

function fileFolder(folder: FileFolder): JobFiles {
  const { work, dir, user, owner } = folder;
  return {
    work,
    dir,
    write(name, text) {
      const path = join(dir, name);
      if (existsSync(path)) return path;
      // Whole or not at all: a step must never run half of its script because the agent died while it wrote it.
      const { file, fresh } = openFresh(path);
      try {
        if (text !== "") writeFileSync(file, text);
        if (owner !== undefined) fchownSync(file, owner.uid, owner.gid);
      } finally {
        closeSync(file);
      }
      renameSync(fresh, path);
      return path;
    },
    makeShared() {
      const commandsDir = join(dir, COMMANDS_NAME);
      if (existsSync(commandsDir)) return;
      for (const made of sharedFolders(work)) {
        makeFolder(made);
        if (user !== undefined) lchownSync(made, user.uid, user.gid);
        // nothing of the job has run yet, so no link stands there
        chmodSync(made, 0o770);
      }
      makeFolder(commandsDir);
    },
    giveTo({ uid, gid }) {
      for (const path of sharedFolders(work)) lchownSync(path, uid, user?.gid ?? gid);
      lchownSync(join(dir, COMMANDS_NAME), uid, gid);
    },
    ownedBy: (next) => fileFolder({ ...folder, owner: next }),
  };
}

/** A new file beside the path, whatever a container has put there: no link is followed. */
function openFresh(path: string): { readonly file: number; readonly fresh: string } {
  const open = (fresh: string) => ({ fresh, file: openSync(fresh, FRESH, 0o600) });
  try {
    return open(`${path}.new`);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    return open(`${path}.${randomUUID()}.new`);
  }
}

const sharedFolders = ({ workspaceDir, homeDir, tempDir }: WorkDir): readonly string[] => [
  ...[workspaceDir, homeDir, tempDir],
  ...[join(homeDir, TOOL_CACHE_NAME), join(tempDir, "_runner_file_commands")],
];

const FRESH = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

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
