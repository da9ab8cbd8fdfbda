import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BackendFault } from "@windrow/backends";
import { TarError } from "../actions/tar-entry.ts";
import { createTarUnpacker } from "../actions/unpack-tar.ts";
import type { OpenJob } from "./open-job.ts";

/** What a folder of the workspace may hold that an image is built from. */
export const CONTEXT_BYTES_MAX = 2 * 1024 * 1024 * 1024;

/**
 * Lends a copy of a folder of the workspace. It is read as the job's user: the engine reads as root, and the job may have
 * put links to anything there. Throws `container_refused` when it cannot be read.
 */
export async function copyContext<T>(job: OpenJob, dir: string, work: (copyDir: string) => Promise<T>): Promise<T> {
  // the agent's own part of the attempt, on the same disk; mode 700
  const copyDir = await mkdtemp(join(dirname(job.files.work.workDir), "context-"));
  try {
    await copy(job, dir, copyDir);
    return await work(copyDir);
  } finally {
    await rm(copyDir, { recursive: true, force: true });
  }
}

function copy(job: OpenJob, dir: string, copyDir: string): Promise<void> {
  const { user } = job.handle.site;
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const unpacker = createTarUnpacker(copyDir);
  const tar = spawn("tar", ["-C", dir, "-cf", "-", "."], {
    cwd: "/",
    env: { PATH: job.machineEnv.PATH ?? "/usr/bin:/bin", LANG: "C" },
    stdio: ["ignore", "pipe", "pipe"],
    ...identity,
  });
  return new Promise((resolve, reject) => {
    let bytesCount = 0;
    let complaint = "";
    const refuse = (why: string) => {
      tar.kill("SIGKILL");
      unpacker.abort();
      reject(new BackendFault("container_refused", `the folder of the Dockerfile cannot be read: ${why}`));
    };
    tar.stderr.on("data", (piece: Buffer) => {
      complaint = (complaint + piece.toString()).slice(0, 1_000);
    });
    tar.stdout.on("data", (piece: Buffer) => {
      bytesCount += piece.length;
      try {
        if (bytesCount > CONTEXT_BYTES_MAX) refuse(`it has more than ${CONTEXT_BYTES_MAX} bytes`);
        else unpacker.push(piece);
      } catch (error) {
        if (error instanceof TarError) refuse(error.message);
        else reject(error);
      }
    });
    tar.on("error", (error) => refuse(error.message));
    tar.on("close", (code) => {
      if (code !== 0) return refuse(complaint.trim().split("\n")[0] ?? "");
      try {
        unpacker.end();
        resolve();
      } catch (error) {
        if (error instanceof TarError) refuse(error.message);
        else reject(error);
      }
    });
  });
}
