import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface OldTryRefs {
  readonly repositoryId: number;
  readonly owner: string;
  readonly name: string;
  readonly refs: readonly string[];
}

/** Repositories looked at in one pass. */
const REPOSITORIES_MAX = 1_000;

/** Refs of tries, by repository, that were pushed longer ago than `olderThanMs` and whose runs are all finished. */
export async function listOldTryRefs(db: Database, olderThanMs: number): Promise<OldTryRefs[]> {
  const { rows } = await sql<OldTryRefs>`
    with latest as (
      select distinct on (u.repository_id, u.ref) u.repository_id, u.ref, u.received_at from pushes u
      where u.ref like 'refs/windrow/try/%' order by u.repository_id, u.ref, u.id desc
    )
    select p.id as "repositoryId", p.owner, p.name, array_agg(l.ref) as refs
    from latest l join repositories p on p.id = l.repository_id and p.deleted_at is null
    where l.received_at < clock_timestamp() - ${olderThanMs}::float8 * interval '1 ms'
      and not exists (
        select from pushes u join runs r on r.push_id = u.id
        where u.repository_id = l.repository_id and u.ref = l.ref and r.state <> 'finished'
      )
    group by p.id order by p.id limit ${REPOSITORIES_MAX}`.execute(db);
  return rows;
}
