import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { TOKEN_COLUMNS, type TokenRow } from "./token.ts";

/** The token of that hash if it is neither revoked nor expired nor used up; the stored hash comes along for a last compare. */
export async function findValidToken(
  db: Database,
  hash: Buffer,
): Promise<(TokenRow & { readonly hash: Buffer }) | undefined> {
  return db
    .selectFrom("tokens")
    .select([...TOKEN_COLUMNS, "hash"])
    .where("hash", "=", hash)
    .where("revoked_at", "is", null)
    .where((where) => where.or([where("expires_at", "is", null), where("expires_at", ">", sql<Date>`now()`)]))
    .where((where) => where.or([where("uses_max", "is", null), where("uses_count", "<", where.ref("uses_max"))]))
    .executeTakeFirst();
}

/** Whether some admin token can still be used: without one nobody could make another. */
export async function hasAdminToken(db: Database | Tx): Promise<boolean> {
  const row = await db
    .selectFrom("tokens")
    .select("id")
    .where("role", "=", "admin")
    .where("owner", "is", null)
    .where("revoked_at", "is", null)
    .where((where) => where.or([where("expires_at", "is", null), where("expires_at", ">", sql<Date>`now()`)]))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
