import { Refusal } from "@windrow/model";
import type { LfsObject } from "@windrow/store";
import * as z from "zod";

/** One file. */
export const LFS_OBJECT_BYTES_MAX = 5 * 1024 ** 3;
/** All files of one repository. */
export const LFS_REPOSITORY_BYTES_MAX = 100 * 1024 ** 3;
/** In one question; git-lfs asks for 100 at a time. */
export const LFS_BATCH_OBJECTS_MAX = 1_000;

const batchSchema = z.object({
  operation: z.enum(["download", "upload"]),
  transfers: z.array(z.string().max(100)).max(20).optional(),
  hash_algo: z.literal("sha256").optional(),
  objects: z
    .array(z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(0) }))
    .max(LFS_BATCH_OBJECTS_MAX),
});
export type LfsBatch = z.infer<typeof batchSchema>;

/** Throws `invalid` for what is no question of git LFS, and for transfers other than `basic` alone. */
export function readLfsBatch(text: string): LfsBatch {
  const read = batchSchema.safeParse(parseJson(text));
  if (!read.success) {
    throw new Refusal("invalid", `not a batch request of git LFS: ${z.prettifyError(read.error).split("\n")[0] ?? ""}`);
  }
  if (read.data.transfers !== undefined && !read.data.transfers.includes("basic")) {
    throw new Refusal("invalid", "only the basic transfer of git LFS is spoken here");
  }
  return read.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal("invalid", "not a batch request of git LFS: it is not JSON", { cause: error });
  }
}

export interface LfsAnswerOptions {
  readonly batch: LfsBatch;
  readonly known: readonly LfsObject[];
  /** What the repository's files take now. */
  readonly usedBytes: number;
  /** Where an object is found. */
  readonly hrefOf: (oid: string) => string;
  /** For the requests that follow. */
  readonly header: { readonly [name: string]: string } | undefined;
}

/** What the client is to do about each of its files. */
export function answerLfsBatch({ batch, known, usedBytes, hrefOf, header }: LfsAnswerOptions): object {
  const sizes = new Map(known.map((object) => [object.oid, object.lengthBytes]));
  let leftBytes = LFS_REPOSITORY_BYTES_MAX - usedBytes;
  const answerOne = ({ oid, size }: LfsBatch["objects"][number]): object => {
    const has = sizes.get(oid);
    const action = { href: hrefOf(oid), ...(header !== undefined && { header }) };
    const fail = (code: number, message: string) => ({ oid, size, error: { code, message } });
    if (batch.operation === "download") {
      if (has === undefined) return fail(404, "this farm does not have the file");
      return { oid, size: has, authenticated: true, actions: { download: action } };
    }
    if (has !== undefined) return has === size ? { oid, size } : fail(422, `the file with this id has ${has} bytes`);
    if (size > LFS_OBJECT_BYTES_MAX)
      return fail(422, `a file may have ${LFS_OBJECT_BYTES_MAX} bytes, this one has ${size}`);
    leftBytes -= size;
    if (leftBytes < 0)
      return fail(507, `the repository's large files may have ${LFS_REPOSITORY_BYTES_MAX} bytes in all`);
    return { oid, size, authenticated: true, actions: { upload: action } };
  };
  return { transfer: "basic", hash_algo: "sha256", objects: batch.objects.map(answerOne) };
}
