import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { hasAdminToken } from "./find-token.ts";
import { insertToken, type NewToken } from "./insert-token.ts";

/**
 * Stores an admin token when no other one can be used; false when there is one. Two controllers that start together
 * store one: the second waits here for the first's transaction.
 */
export async function insertFirstAdminToken(tx: Tx, token: Omit<NewToken, "kind" | "role">): Promise<boolean> {
  await sql`lock table tokens in share row exclusive mode`.execute(tx);
  if (await hasAdminToken(tx)) return false;
  await insertToken(tx, { ...token, kind: "user", role: "admin" });
  return true;
}
