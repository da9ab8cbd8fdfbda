import { createHash, randomBytes } from "node:crypto";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BlobStore } from "@windrow/blobs";
import { Refusal } from "@windrow/model";
import { type Database, insertLfsObject, sumLfsBytes } from "@windrow/store";
import { LFS_OBJECT_BYTES_MAX } from "./lfs-batch.ts";

/**
 * Takes one large file as it comes. Throws `invalid` when its bytes are not those that its id names, or too many: nothing
 * is kept then.
 */
export async function takeLfsObject(
  { db, blobs }: { readonly db: Database; readonly blobs: BlobStore },
  upload: {
    readonly repositoryId: number;
    readonly oid: string;
    readonly body: Readable;
    /** All files of the repository together. */
    readonly bytesMax: number;
    readonly createdBy: string;
  },
): Promise<void> {
  const { repositoryId, oid, body, createdBy } = upload;
  const leftBytes = upload.bytesMax - (await sumLfsBytes(db, repositoryId));
  const bytesMax = Math.max(0, Math.min(leftBytes, LFS_OBJECT_BYTES_MAX));
  const hash = createHash("sha256");
  let refusal: Refusal | undefined;
  let lengthBytes = 0;
  const refuse = (why: string): Refusal => {
    refusal = new Refusal("invalid", why);
    return refusal;
  };
  const checked = new Transform({
    transform(piece: Buffer, _encoding, done) {
      lengthBytes += piece.length;
      if (lengthBytes > bytesMax)
        return done(refuse(`the file is larger than the ${bytesMax} bytes that are left for it`));
      hash.update(piece);
      done(null, piece);
    },
    flush(done) {
      const digest = hash.digest("hex");
      done(digest === oid ? null : refuse(`the bytes that came are not those of ${oid}: their id is ${digest}`));
    },
  });
  const blobKey = `lfs/${oid.slice(0, 2)}/${oid}/${randomBytes(12).toString("hex")}`;
  const [fed, put] = await Promise.allSettled([pipeline(body, checked), blobs.put(blobKey, checked)]);
  if (refusal !== undefined) throw refusal;
  if (put.status === "rejected") throw put.reason;
  if (fed.status === "rejected") throw fed.reason;
  const object = { repositoryId, oid, lengthBytes, blobKey, createdBy, bytesMax: upload.bytesMax };
  const outcome = await insertLfsObject(db, object);
  if (outcome !== "kept") await blobs.delete(blobKey);
  if (outcome === "full") throw new Refusal("invalid", "other files took the room that was left for this one");
}
