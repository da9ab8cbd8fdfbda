import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** A word that jobs may ask for, and the labels an agent needs to run them. All in lower case. */
export interface LabelAliasRow {
  readonly alias: string;
  readonly labels: string[];
  readonly created_by: string;
  readonly created_at: Date;
  /** Agents here now that run what asks for it. */
  readonly agents_count: number;
}

/** A farm's aliases at most: every agent's labels are computed with all of them. */
export const LABEL_ALIASES_MAX = 500;

/** All aliases, by name; or the one of that name. */
export async function listLabelAliases(
  db: Database | Tx,
  by: { readonly alias?: string } = {},
): Promise<LabelAliasRow[]> {
  const wanted = by.alias === undefined ? sql`true` : sql`l.alias = ${by.alias}`;
  const { rows } = await sql<LabelAliasRow>`
    select l.alias, l.labels, l.created_by, l.created_at,
      (select count(*)::int from agents a
        where a.state in ('ready', 'draining', 'suspect') and l.alias = any (a.effective_labels)) as agents_count
    from label_aliases l where ${wanted} order by l.alias limit ${LABEL_ALIASES_MAX}`.execute(db);
  return rows;
}

/** Stores an alias, new or not; false when there would be more than a farm may have. Effective labels follow. */
export async function setLabelAlias(
  tx: Tx,
  change: { readonly alias: string; readonly labels: readonly string[]; readonly by: string },
): Promise<boolean> {
  // two who add the last one allowed wait for each other here
  await sql`lock table label_aliases in share row exclusive mode`.execute(tx);
  const { rows } = await sql`
    insert into label_aliases (alias, labels, created_by)
    select ${change.alias}, ${change.labels}::text[], ${change.by}
    where (select count(*) from label_aliases where alias <> ${change.alias}) < ${LABEL_ALIASES_MAX}
    on conflict (alias) do update set labels = excluded.labels returning alias`.execute(tx);
  return rows.length === 1;
}

/** False when there is no such alias. */
export async function deleteLabelAlias(tx: Tx, alias: string): Promise<boolean> {
  const { rows } = await sql`delete from label_aliases where alias = ${alias} returning alias`.execute(tx);
  return rows.length === 1;
}
