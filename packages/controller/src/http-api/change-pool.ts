import {
  type ChangePool,
  changeJobSettings,
  changeScalingPolicy,
  decodeProviderSettings,
  findPolicyConflict,
} from "@windrow/contract";
import { Refusal } from "@windrow/model";
import { POOL_SETTINGS_DEFAULT, type PoolSettings } from "@windrow/store";

/** The settings of a pool after a change of some of them. Throws `invalid` when they contradict each other. */
export function changePoolSettings(change: ChangePool, before: PoolSettings = POOL_SETTINGS_DEFAULT): PoolSettings {
  const { scaling, provider, labels, job_settings: jobs } = change;
  const after: PoolSettings = {
    description: change.description ?? before.description,
    labels: labels === undefined ? before.labels : [...new Set(labels.map((label) => label.toLowerCase()))],
    slots: change.slots_per_agent === undefined ? before.slots : change.slots_per_agent,
    priority: change.priority ?? before.priority,
    weight: change.weight ?? before.weight,
    jobsMax: change.jobs_max === undefined ? before.jobsMax : change.jobs_max,
    untrustedAllowed: change.untrusted_allowed ?? before.untrustedAllowed,
    suspectAfterMs: change.suspect_after_ms ?? before.suspectAfterMs,
    lostAfterMs: change.lost_after_ms ?? before.lostAfterMs,
    scaling:
      scaling === undefined ? before.scaling : scaling === null ? null : changeScalingPolicy(scaling, before.scaling),
    provider: provider === undefined ? before.provider : provider === null ? null : decodeProviderSettings(provider),
    jobSettings: jobs === undefined ? before.jobSettings : changeJobSettings(jobs, before.jobSettings),
  };
  if (after.lostAfterMs <= after.suspectAfterMs) {
    throw new Refusal(
      "invalid",
      `lost_after_ms (${after.lostAfterMs}) must be more than suspect_after_ms (${after.suspectAfterMs})`,
    );
  }
  const conflict = after.scaling === null ? undefined : findPolicyConflict(after.scaling);
  if (conflict !== undefined) throw new Refusal("invalid", conflict);
  return after;
}
