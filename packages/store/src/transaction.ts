import type { Database, Tx } from "./database.ts";

/** Runs `work` in one transaction, rolled back when it throws. */
export function inTransaction<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction().execute(work);
}
