import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { hasCode, systemClock } from "@windrow/service";
import { BackendFault } from "../backend-fault.ts";
import type { EngineParts } from "./engine-parts.ts";
import { LocalLogDecoder } from "./local-log.ts";

const READ_BYTES = 1 << 20;
const LOOK_MIN_MS = 20;
const LOOK_MAX_MS = 250;

export interface FollowOptions {
  readonly engine: Pick<EngineParts, "docker" | "quick">;
  readonly containerId: string;
  /** Appended to; what it has already is skipped. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/**
 * Appends to the file what the container writes, byte for byte and from the first on, until the container has ended. The
 * engine keeps the log on this machine: nothing is lost while nobody follows. Throws when the engine or its file is gone.
 */
export async function followLog({ engine, containerId, path, signal }: FollowOptions): Promise<void> {
  const { DockerRootDir: rootDir } = await engine.quick.info();
  const source = join(String(rootDir), "containers", containerId, "local-logs", "container.log");
  const ending = new AbortController();
  const container = engine.docker.getContainer(containerId);
  let hasEnded = false;
  const ended = container
    .wait({ condition: "not-running", abortSignal: AbortSignal.any([signal, ending.signal]) })
    .then(
      () => {
        hasEnded = true;
        ending.abort();
      },
      // told by the look at the container that follows
      () => ending.abort(),
    );
  const file = await open(path, "a", 0o600);
  let log: FileHandle | undefined;
  try {
    const decoder = new LocalLogDecoder();
    let skipBytes = (await file.stat()).size;
    const buffer = Buffer.alloc(READ_BYTES);
    for (let lookMs = LOOK_MIN_MS; ; ) {
      signal.throwIfAborted();
      // asked before the look: what came until then is seen by it
      const isLast = ending.signal.aborted;
      log ??= await openLog(source);
      const bytesRead = log === undefined ? 0 : (await log.read(buffer, 0, buffer.length)).bytesRead;
      if (bytesRead > 0) {
        const bytes = decoder.push(Buffer.from(buffer.subarray(0, bytesRead)));
        const isNew = bytes.subarray(Math.min(skipBytes, bytes.length));
        skipBytes -= bytes.length - isNew.length;
        if (isNew.length > 0) await file.appendFile(isNew);
        lookMs = LOOK_MIN_MS;
      } else if (isLast) break;
      else {
        await systemClock.sleep(lookMs, AbortSignal.any([signal, ending.signal]));
        lookMs = Math.min(LOOK_MAX_MS, lookMs * 2);
      }
    }
    if (log === undefined && hasEnded) {
      throw new BackendFault("spool_failed", `the engine keeps no log of a container at ${source}`);
    }
  } finally {
    ending.abort();
    await ended;
    await log?.close();
    await file.close();
  }
}

/** It is made when the container starts. */
async function openLog(source: string): Promise<FileHandle | undefined> {
  try {
    return await open(source, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
