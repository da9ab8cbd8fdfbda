import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";
import { TOKEN_COLUMNS, type TokenRow } from "./token.ts";

export interface NewToken {
  readonly id: string;
  readonly kind: "user" | "join";
  readonly name: string;
  /** SHA-256 of the secret. */
  readonly hash: Buffer;
  readonly prefix: string;
  readonly role?: "admin" | "developer" | "reader";
  readonly owner?: string;
  readonly pool?: string;
  readonly usesMax?: number;
  /** Never expires when left out. */
  readonly ttlSeconds?: number;
  readonly createdBy: string;
}

/** Stores a token; its owner is made when it is not there. */
export async function insertToken(db: Database | Tx, token: NewToken): Promise<TokenRow> {
  if (token.owner !== undefined) {
    await db
      .insertInto("owners")
      .values({ name: token.owner })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  return db
    .insertInto("tokens")
    .values({
      id: token.id,
      kind: token.kind,
      name: token.name,
      hash: token.hash,
      prefix: token.prefix,
      role: token.role ?? null,
      owner: token.owner ?? null,
      pool: token.pool ?? null,
      uses_max: token.usesMax ?? null,
      expires_at: token.ttlSeconds === undefined ? null : sql`now() + ${token.ttlSeconds} * interval '1 second'`,
      created_by: token.createdBy,
    })
    .returning(TOKEN_COLUMNS)
    .executeTakeFirstOrThrow();
}
