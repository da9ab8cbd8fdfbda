import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BlobExists, BlobNotFound, type BlobStore } from "@windrow/blobs";
import type { Check } from "@windrow/contract";
import { type Clock, hasCode } from "@windrow/service";
import { type ControllerView, type Database, listControllers } from "@windrow/store";

/** Below the folder of repositories; no owner's name begins with a dot. */
const PROOFS_FOLDER = ".controllers";
const PROOFS_PREFIX = "controllers/";
/** A proof that a killed controller left behind. */
const STALE_AFTER_MS = 24 * 3_600_000;
const HINT =
  "Give every controller of the farm the same data folder, on a file system that all of them see: logs and repositories lie there";

export interface SharedFoldersDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  /** The folder of hosted repositories. */
  readonly gitDir: string;
  readonly controllerId: string;
  readonly clock: Clock;
}

/** How controllers of one farm prove to each other that they work on the same blobs and the same repositories. */
export interface SharedFolders {
  /** Leaves this controller's id, which its row tells the others, in both places. Call before the row says it lives. */
  prove(): Promise<void>;
  /** Looks for the proofs of every other controller that is alive. */
  check(): Promise<Check[]>;
  /** Takes the proofs away; call after the row says that it stopped. */
  withdraw(): Promise<void>;
}

export function createSharedFolders(deps: SharedFoldersDeps): SharedFolders {
  const { db, blobs, gitDir, controllerId, clock } = deps;
  const folder = join(gitDir, PROOFS_FOLDER);
  const keyOf = (id: string): string => `${PROOFS_PREFIX}${id}`;

  async function forgetDead(): Promise<void> {
    const alive = new Set((await listControllers(db)).map((one) => one.id));
    const before = clock.nowMs() - STALE_AFTER_MS;
    for await (const { key, storedAt } of blobs.list(PROOFS_PREFIX)) {
      const isDead = !alive.has(key.slice(PROOFS_PREFIX.length)) && storedAt.getTime() < before;
      if (isDead) await blobs.delete(key);
    }
    for (const id of await readdir(folder)) {
      const isDead = !alive.has(id) && (await stat(join(folder, id))).mtimeMs < before;
      if (isDead) await rm(join(folder, id), { force: true });
    }
  }

  return {
    async prove() {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(join(folder, controllerId), `${controllerId}\n`);
      try {
        await blobs.put(keyOf(controllerId), Buffer.from(controllerId));
      } catch (error) {
        if (!(error instanceof BlobExists)) throw error;
      }
      await forgetDead();
    },

    async check() {
      const others = (await listControllers(db)).filter((one) => one.answering && one.id !== controllerId);
      const checks: readonly [string, (id: string) => Promise<boolean>][] = [
        ["shared blobs", (id) => hasBlob(blobs, keyOf(id))],
        ["shared repositories", (id) => hasFile(join(folder, id))],
      ];
      return Promise.all(checks.map(([name, isThere]) => checkOne(name, others, isThere)));
    },

    async withdraw() {
      await rm(join(folder, controllerId), { force: true });
      await blobs.delete(keyOf(controllerId));
    },
  };
}

async function checkOne(
  name: string,
  others: readonly ControllerView[],
  isThere: (id: string) => Promise<boolean>,
): Promise<Check> {
  if (others.length === 0) return { name, state: "ok", detail: "one controller" };
  const strangers: string[] = [];
  for (const { id, hostname } of others) if (!(await isThere(id))) strangers.push(hostname);
  if (strangers.length === 0) return { name, state: "ok", detail: `${others.length + 1} controllers see the same` };
  const detail = `what the controller on ${strangers.join(" and on ")} wrote is not seen here`;
  return { name, state: "failed", detail, hint: HINT };
}

async function hasBlob(blobs: BlobStore, key: string): Promise<boolean> {
  try {
    await blobs.get(key);
    return true;
  } catch (error) {
    if (error instanceof BlobNotFound) return false;
    throw error;
  }
}

async function hasFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}
