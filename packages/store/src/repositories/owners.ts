import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** Who repositories belong to. */
export interface OwnerRow {
  readonly name: string;
  /** Its share of the farm when several owners' jobs wait. */
  readonly weight: number;
  readonly repositories_count: number;
  readonly created_at: Date;
}

/** A farm with more owners than this needs paging here first. */
export const OWNERS_LISTED_MAX = 10_000;

/** All owners, by name; or the one of that name. */
export async function listOwners(db: Database | Tx, name: string | undefined): Promise<OwnerRow[]> {
  const wanted = name === undefined ? sql`true` : sql`o.name = ${name}`;
  const { rows } = await sql<OwnerRow>`
    select o.name, o.weight, o.created_at,
      (select count(*)::int from repositories p where p.owner = o.name and p.deleted_at is null) as repositories_count
    from owners o where ${wanted} order by o.name limit ${OWNERS_LISTED_MAX}`.execute(db);
  return rows;
}

/** Sets an owner's share; the weight before, or undefined when there is no such owner. */
export async function setOwnerWeight(
  tx: Tx,
  change: { readonly owner: string; readonly weight: number },
): Promise<number | undefined> {
  const { rows } = await sql<{ weight: number }>`
    select weight from owners where name = ${change.owner} for no key update`.execute(tx);
  await sql`update owners set weight = ${change.weight} where name = ${change.owner}`.execute(tx);
  return rows[0]?.weight;
}
