import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { TOKEN_COLUMNS, type TokenRow } from "./token.ts";

/** Idempotent: the time of the first revocation stays. Undefined when there is no such token. */
export async function revokeToken(db: Database | Tx, id: string): Promise<TokenRow | undefined> {
  return db
    .updateTable("tokens")
    .set({ revoked_at: sql`coalesce(revoked_at, now())` })
    .where("id", "=", id)
    .returning(TOKEN_COLUMNS)
    .executeTakeFirst();
}
