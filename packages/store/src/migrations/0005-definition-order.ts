import { type Kysely, sql } from "kysely";

/**
 * Maps of a workflow file keep the order they were written in, as in `0004-matrix-order`: the order of the variables of
 * a computed matrix is that of its jobs and the words of their names, and `jsonb` sorts its keys.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw("alter table runs alter column definition type json using definition::json").execute(db);
}
