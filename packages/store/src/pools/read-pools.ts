import type { Database } from "../database.ts";

export interface PoolRow {
  readonly name: string;
  readonly labels: readonly string[];
  readonly priority: number;
  readonly untrustedAllowed: boolean;
  readonly isPaused: boolean;
  readonly suspectAfterMs: number;
  readonly lostAfterMs: number;
  readonly leaseMarginMs: number;
  readonly offerMs: number;
  readonly orphanGraceMs: number;
  readonly infraRetriesMax: number;
  readonly expiryHeldUntil: Date | null;
}

/** Every pool, by name. */
export async function readPools(db: Database): Promise<PoolRow[]> {
  const rows = await db.selectFrom("pools").selectAll().orderBy("name").execute();
  return rows.map((row) => ({
    name: row.name,
    labels: row.labels,
    priority: row.priority,
    untrustedAllowed: row.untrusted_allowed,
    isPaused: row.paused_at !== null,
    suspectAfterMs: row.suspect_after_ms,
    lostAfterMs: row.lost_after_ms,
    leaseMarginMs: row.lease_margin_ms,
    offerMs: row.offer_ms,
    orphanGraceMs: row.orphan_grace_ms,
    infraRetriesMax: row.infra_retries_max,
    expiryHeldUntil: row.expiry_held_until,
  }));
}
