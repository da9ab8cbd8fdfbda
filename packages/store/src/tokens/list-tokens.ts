import type { Database } from "../database.ts";
import { TOKEN_COLUMNS, type TokenRow } from "./token.ts";

export const TOKENS_LISTED_MAX = 1_000;

/** The newest tokens that people made, revoked and expired ones included; those of machines come and go by themselves. */
export async function listTokens(db: Database, kind: "user" | "join" | undefined): Promise<TokenRow[]> {
  let query = db.selectFrom("tokens").select(TOKEN_COLUMNS).where("machine_id", "is", null);
  if (kind !== undefined) query = query.where("kind", "=", kind);
  return query.orderBy("created_at", "desc").limit(TOKENS_LISTED_MAX).execute();
}
