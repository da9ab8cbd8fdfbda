import {
  encodeJobPolicy,
  encodeProviderSettings,
  encodeScalingPolicy,
  type LabelAlias,
  type Pool,
} from "@windrow/contract";
import { effectiveJobPolicy } from "@windrow/model";
import type { LabelAliasRow, PoolView } from "@windrow/store";

export function presentPool({ job_settings: jobSettings, ...pool }: PoolView): Pool {
  const untrustedAllowed = pool.untrusted_allowed;
  return {
    ...pool,
    job_policy: encodeJobPolicy(effectiveJobPolicy(jobSettings, { untrustedAllowed })),
    scaling: pool.scaling === null ? null : encodeScalingPolicy(pool.scaling),
    provider: pool.provider === null ? null : encodeProviderSettings(pool.provider),
    paused_at: pool.paused_at?.toISOString() ?? null,
    expiry_held_until: pool.expiry_held_until?.toISOString() ?? null,
    created_at: pool.created_at.toISOString(),
    updated_at: pool.updated_at.toISOString(),
  };
}

export function presentLabelAlias(row: LabelAliasRow): LabelAlias {
  return { ...row, created_at: row.created_at.toISOString() };
}
