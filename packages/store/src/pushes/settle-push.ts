import { sql } from "kysely";
import type { Tx } from "../database.ts";

/**
 * received | abandoned → settled: everything this push starts is in the same transaction. False when it was settled
 * before, in which case the caller must insert nothing. (An abandoned push can still turn out to have happened: git was
 * slower than the sweep's patience.)
 */
export async function settlePush(
  tx: Tx,
  push: { readonly id: number; readonly reason: string | null },
): Promise<boolean> {
  const result = await tx
    .updateTable("pushes")
    .set({ state: "settled", settled_at: sql`now()`, reason: push.reason })
    .where("id", "=", push.id)
    .where("state", "in", ["received", "abandoned"])
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** received → abandoned: git never made this ref update, or another push row stands for it. */
export async function abandonPush(tx: Tx, push: { readonly id: number; readonly reason: string }): Promise<boolean> {
  const result = await tx
    .updateTable("pushes")
    .set({ state: "abandoned", settled_at: sql`now()`, reason: push.reason })
    .where("id", "=", push.id)
    .where("state", "=", "received")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
