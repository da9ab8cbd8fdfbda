import type { PoolJobSettings, ProviderSettings, ScalingPolicy } from "@windrow/model";
import type { Database } from "../database.ts";

export interface PoolRow {
  readonly name: string;
  readonly labels: readonly string[];
  readonly priority: number;
  /** Among pools of one priority: jobs are shared out in proportion to it. */
  readonly weight: number;
  /** At most so many open attempts at a time; null is no limit. */
  readonly jobsMax: number | null;
  /** Of agents that join without saying. */
  readonly slots: number | null;
  readonly scaling: ScalingPolicy | null;
  readonly provider: ProviderSettings | null;
  readonly jobSettings: PoolJobSettings | null;
  readonly untrustedAllowed: boolean;
  readonly isPaused: boolean;
  readonly pausedReason: string | null;
  readonly suspectAfterMs: number;
  readonly lostAfterMs: number;
  readonly leaseMarginMs: number;
  readonly offerMs: number;
  readonly orphanGraceMs: number;
  readonly infraRetriesMax: number;
  readonly expiryHeldUntil: Date | null;
}

/** Named one by one: a kept plan of `*` breaks when a later version adds a column. */
const COLUMNS = [
  "name",
  "labels",
  "priority",
  "weight",
  "jobs_max",
  "slots",
  "scaling",
  "provider",
  "job_settings",
  "untrusted_allowed",
  "paused_at",
  "paused_reason",
  "suspect_after_ms",
  "lost_after_ms",
  "lease_margin_ms",
  "offer_ms",
  "orphan_grace_ms",
  "infra_retries_max",
  "expiry_held_until",
] as const;

/** Every pool, by name. */
export async function readPools(db: Database): Promise<PoolRow[]> {
  const rows = await db.selectFrom("pools").select(COLUMNS).orderBy("name").execute();
  return rows.map((row) => ({
    name: row.name,
    labels: row.labels,
    priority: row.priority,
    weight: row.weight,
    jobsMax: row.jobs_max,
    slots: row.slots,
    scaling: row.scaling,
    provider: row.provider,
    jobSettings: row.job_settings,
    untrustedAllowed: row.untrusted_allowed,
    isPaused: row.paused_at !== null,
    pausedReason: row.paused_reason,
    suspectAfterMs: row.suspect_after_ms,
    lostAfterMs: row.lost_after_ms,
    leaseMarginMs: row.lease_margin_ms,
    offerMs: row.offer_ms,
    orphanGraceMs: row.orphan_grace_ms,
    infraRetriesMax: row.infra_retries_max,
    expiryHeldUntil: row.expiry_held_until,
  }));
}
