import { randomUUID } from "node:crypto";
import type { BlobStore } from "@windrow/blobs";
import { findKnownBlobKeys, findKnownLfsKeys } from "@windrow/store";
import type { SweepDeps } from "./sweep-deps.ts";

/** A blob younger than this may still get its row. */
const ORPHAN_AFTER_MS = 3_600_000;
const KEYS_PER_LOOK = 500;

/**
 * Deletes blobs of logs and of large files without a row: a controller died between the two, the row was refused, or the
 * repository was deleted. How old a blob is only the
 * store's own clock tells, which may differ from this machine's.
 */
export async function deleteOrphanBlobs(deps: SweepDeps, orphanAfterMs = ORPHAN_AFTER_MS): Promise<number> {
  const before = (await readStoreTime(deps.blobs)) - orphanAfterMs;
  let deletedCount = 0;
  for (const [prefix, findKnown] of [
    ["log/", findKnownBlobKeys],
    ["lfs/", findKnownLfsKeys],
  ] as const) {
    let keys: string[] = [];
    const look = async () => {
      const known = await findKnown(deps.db, keys);
      for (const key of keys.filter((one) => !known.has(one))) {
        await deps.blobs.delete(key);
        deletedCount++;
      }
      keys = [];
    };
    for await (const entry of deps.blobs.list(prefix)) {
      if (entry.storedAt.getTime() > before) continue;
      keys.push(entry.key);
      if (keys.length >= KEYS_PER_LOOK) await look();
    }
    if (keys.length > 0) await look();
  }
  if (deletedCount > 0) deps.logger.info({ deletedCount }, "blobs without a row were deleted");
  return deletedCount;
}

/** Now, in epoch milliseconds, by the clock that dates the store's blobs. */
async function readStoreTime(blobs: BlobStore): Promise<number> {
  const key = `clock/${randomUUID()}`;
  await blobs.put(key, new Uint8Array());
  try {
    for await (const entry of blobs.list(key)) if (entry.key === key) return entry.storedAt.getTime();
  } finally {
    await blobs.delete(key);
  }
  throw new Error(`the blob ${key} was written and is not listed`);
}
