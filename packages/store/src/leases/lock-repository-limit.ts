import { sql } from "kysely";
import type { Tx } from "../database.ts";

/**
 * How many more jobs of a repository may run at once, with its limit locked until the transaction ends: so two pools'
 * dispatchers cannot both fill it. Infinity when the repository has no limit (any more).
 */
export async function lockRepositoryLimit(tx: Tx, repositoryId: number): Promise<number> {
  await sql`select pg_advisory_xact_lock(7010103, hashint8(${repositoryId}::bigint))`.execute(tx);
  const { rows } = await sql<{ left: number | null }>`
    select (r.jobs_max - (
      select count(*) from jobs j
      where j.repository_id = r.id and j.state in ('leased', 'running') and j.kind = 'ordinary'
    ))::int as left
    from repositories r where r.id = ${repositoryId}`.execute(tx);
  return rows[0]?.left ?? Number.POSITIVE_INFINITY;
}
