import type { Database } from "../database.ts";
import { TOKEN_COLUMNS, type TokenRow } from "./token.ts";

export const TOKENS_LISTED_MAX = 1_000;

/** The newest tokens, revoked and expired ones included. */
export async function listTokens(db: Database, kind: "user" | "join" | undefined): Promise<TokenRow[]> {
  let query = db.selectFrom("tokens").select(TOKEN_COLUMNS);
  if (kind !== undefined) query = query.where("kind", "=", kind);
  return query.orderBy("created_at", "desc").limit(TOKENS_LISTED_MAX).execute();
}
