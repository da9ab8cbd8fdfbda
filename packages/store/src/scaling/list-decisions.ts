import type { Database } from "../database.ts";
import type { ScaleDecisionRecord } from "./record-decision.ts";

export interface ScaleDecisionRow extends ScaleDecisionRecord {
  readonly id: number;
  readonly at: Date;
}

/** The last decisions about a pool, the newest first; with `beforeId` those before that one. */
export async function listScaleDecisions(
  db: Database,
  options: { readonly pool: string; readonly limit: number; readonly beforeId?: number | undefined },
): Promise<ScaleDecisionRow[]> {
  const { pool, limit, beforeId = Number.MAX_SAFE_INTEGER } = options;
  return db
    .selectFrom("scale_decisions")
    .select([
      "id",
      "at",
      "direction",
      "code",
      "reason",
      "desired",
      "made",
      "ended",
      "starting",
      "idle",
      "busy",
      "queued",
    ])
    .where("pool", "=", pool)
    .where("id", "<", beforeId)
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}
