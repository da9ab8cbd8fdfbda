import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { TOKEN_COLUMNS, type TokenRow } from "./token.ts";

/** Spends one use of a join token. Undefined when it is revoked, expired or used up, also by one who came a moment earlier. */
export async function useJoinToken(tx: Tx, id: string): Promise<TokenRow | undefined> {
  return tx
    .updateTable("tokens")
    .set((set) => ({ uses_count: set("uses_count", "+", 1), last_used_at: sql`now()` }))
    .where("id", "=", id)
    .where("kind", "=", "join")
    .where("revoked_at", "is", null)
    .where("expires_at", ">", sql<Date>`now()`)
    .where((where) => where("uses_count", "<", where.ref("uses_max")))
    .returning(TOKEN_COLUMNS)
    .executeTakeFirst();
}

/** Remembers that a token is in use, at most once a minute, so that reads stay reads. */
export async function touchToken(db: Database, id: string): Promise<void> {
  await db
    .updateTable("tokens")
    .set({ last_used_at: sql`now()` })
    .where("id", "=", id)
    .where((where) =>
      where.or([where("last_used_at", "is", null), where("last_used_at", "<", sql<Date>`now() - interval '1 minute'`)]),
    )
    .execute();
}
