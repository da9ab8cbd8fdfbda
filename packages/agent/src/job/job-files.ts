import { closeSync, fchownSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { prepareWorkDir, type SlotUser, type WorkDir, wipeWorkDir } from "@windrow/backends";

export interface JobFilesOptions {
  /** Holds one folder per attempt; slot users can walk through it, nobody but the agent can list it. */
  readonly workRootDir: string;
  /** On the same file system; nobody but the agent gets in. */
  readonly trashDir: string;
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

/** Makes a job's folders, or finds them again after a restart of the agent. */
export async function prepareJobFiles(options: JobFilesOptions): Promise<JobFiles> {
  const { workRootDir, attemptId, user } = options;
  const attemptDir = join(workRootDir, attemptId);
  const filesDir = join(attemptDir, "files");
  await mkdir(filesDir, { recursive: true, mode: 0o711 });
  const work = await prepareWorkDir({ rootDir: workRootDir, workDir: join(attemptDir, "job"), user });
  return {
    work,
    dir: filesDir,
    write(name, text) {
      const path = join(filesDir, name);
      try {
        const file = openSync(path, "wx", 0o600);
        try {
          if (text !== "") writeFileSync(file, text);
          if (user !== undefined) fchownSync(file, user.uid, user.gid);
        } finally {
          closeSync(file);
        }
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      }
      return path;
    },
  };
}

/**
 * Takes a job's folders away: first out of reach, at once, since the next job of the slot runs as the same user; the
 * answer removes them for good and may take its time.
 */
export function discardJobFiles(
  options: Pick<JobFilesOptions, "workRootDir" | "trashDir" | "attemptId">,
): () => Promise<void> {
  const { workRootDir, trashDir, attemptId } = options;
  const workDir = join(trashDir, attemptId);
  try {
    renameSync(join(workRootDir, attemptId), workDir);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  if (isBare(join(workDir, "job"))) rmSync(workDir, { recursive: true, force: true });
  return () => wipeWorkDir({ rootDir: trashDir, workDir });
}

/** Whether the job left nothing in its folders, so that removing them at once takes no time. */
function isBare(jobDir: string): boolean {
  return ["workspace", "home", "tmp"].every((name) => {
    try {
      return readdirSync(join(jobDir, name)).length === 0;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return true;
      throw error;
    }
  });
}
