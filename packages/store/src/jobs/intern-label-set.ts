import { sql } from "kysely";
import type { Tx } from "../database.ts";

/** Ids of label sets, made where new. A set is lower case, sorted, without repetition. */
export async function internLabelSets(tx: Tx, sets: readonly (readonly string[])[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const labels of sets) {
    const normal = normaliseLabels(labels);
    const key = labelSetKey(normal);
    if (found.has(key)) continue;
    const { rows } = await sql<{ id: number }>`
      with known as (select id from label_sets where labels = ${normal}::text[]),
      made as (
        insert into label_sets (labels) select ${normal}::text[] where not exists (select from known)
        on conflict (labels) do update set labels = excluded.labels
        returning id
      )
      select id from known union all select id from made`.execute(tx);
    const [row] = rows;
    if (row === undefined) throw new Error(`label set ${key} was neither found nor made`);
    found.set(key, row.id);
  }
  return found;
}

/** Labels are compared without regard to case, order or repetition. */
export function normaliseLabels(labels: readonly string[]): string[] {
  return [...new Set(labels.map((label) => label.toLowerCase()))].sort();
}

export function labelSetKey(labels: readonly string[]): string {
  return JSON.stringify(normaliseLabels(labels));
}
