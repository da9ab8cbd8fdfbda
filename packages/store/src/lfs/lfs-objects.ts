import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { inTransaction } from "../transaction.ts";

/** A large file of one repository. */
export interface LfsObject {
  /** SHA-256 of its bytes. */
  readonly oid: string;
  readonly lengthBytes: number;
  readonly blobKey: string;
}

/** Those of these that the repository has. */
export async function findLfsObjects(
  db: Database,
  { repositoryId, oids }: { readonly repositoryId: number; readonly oids: readonly string[] },
): Promise<LfsObject[]> {
  const { rows } = await sql<LfsObject>`
    select oid, length_bytes::float8 as "lengthBytes", blob_key as "blobKey" from lfs_objects
    where repository_id = ${repositoryId} and oid = any(${oids}::text[])`.execute(db);
  return rows;
}

/**
 * `had`: the repository has it already, so its bytes are the same, and the blob of this one is nobody's. `full`: with it the
 * repository's files would take more than `bytesMax`. One after another for one repository, so that uploads at the same
 * time do not take the same room.
 */
export function insertLfsObject(
  db: Database,
  object: LfsObject & { readonly repositoryId: number; readonly createdBy: string; readonly bytesMax: number },
): Promise<"kept" | "had" | "full"> {
  const { repositoryId, oid, lengthBytes, blobKey, createdBy, bytesMax } = object;
  return inTransaction(db, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`lfs ${repositoryId}`}, 0))`.execute(tx);
    const has = await sql`
      select from lfs_objects where repository_id = ${repositoryId} and oid = ${oid}`.execute(tx);
    if (has.rows.length > 0) return "had";
    if ((await sumLfsBytes(tx, repositoryId)) + lengthBytes > bytesMax) return "full";
    await sql`
      insert into lfs_objects (repository_id, oid, length_bytes, blob_key, created_by)
      values (${repositoryId}, ${oid}, ${lengthBytes}, ${blobKey}, ${createdBy})`.execute(tx);
    return "kept";
  });
}

/** What all large files of a repository take. */
export async function sumLfsBytes(db: Database | Tx, repositoryId: number): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select coalesce(sum(length_bytes), 0)::float8 as bytes from lfs_objects where repository_id = ${repositoryId}`.execute(
    db,
  );
  return rows[0]?.bytes ?? 0;
}

/** Which of these blobs hold a file of a repository that is there; rows of deleted repositories go. */
export async function findKnownLfsKeys(db: Database, keys: readonly string[]): Promise<Set<string>> {
  await sql`
    delete from lfs_objects o using repositories r
    where r.id = o.repository_id and r.deleted_at is not null and o.blob_key = any(${keys}::text[])`.execute(db);
  const { rows } = await sql<{ key: string }>`
    select blob_key as key from lfs_objects where blob_key = any(${keys}::text[])`.execute(db);
  return new Set(rows.map(({ key }) => key));
}
