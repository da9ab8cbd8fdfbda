import type { PoolJobSettings, ProviderSettings, ScalingPolicy } from "@windrow/model";
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { rowJson } from "../row-text.ts";

/** Everything that an admin sets of a pool. */
export interface PoolSettings {
  readonly description: string;
  /** In lower case, none twice. */
  readonly labels: readonly string[];
  /** Of agents that join without saying. */
  readonly slots: number | null;
  readonly priority: number;
  readonly weight: number;
  readonly jobsMax: number | null;
  readonly untrustedAllowed: boolean;
  readonly suspectAfterMs: number;
  readonly lostAfterMs: number;
  readonly scaling: ScalingPolicy | null;
  readonly provider: ProviderSettings | null;
  readonly jobSettings: PoolJobSettings | null;
}

/** What a pool is when nothing is said. */
export const POOL_SETTINGS_DEFAULT: PoolSettings = {
  description: "",
  labels: [],
  slots: null,
  priority: 0,
  weight: 1,
  jobsMax: null,
  untrustedAllowed: false,
  suspectAfterMs: 15_000,
  lostAfterMs: 30_000,
  scaling: null,
  provider: null,
  jobSettings: null,
};

/** The pool's settings, with its row locked so that two changes at a time do not undo each other; undefined when there is none. */
export async function lockPoolSettings(tx: Tx, name: string): Promise<PoolSettings | undefined> {
  const { rows } = await sql<PoolSettings>`
    select description, labels, slots, priority, weight, jobs_max as "jobsMax", untrusted_allowed as "untrustedAllowed",
      suspect_after_ms as "suspectAfterMs", lost_after_ms as "lostAfterMs", scaling, provider,
      job_settings as "jobSettings"
    from pools where name = ${name} for no key update`.execute(tx);
  return rows[0];
}

/** Stores all settings of a pool; one that is not there is made. Its agents' effective labels follow. */
export async function setPool(tx: Tx, name: string, settings: PoolSettings): Promise<void> {
  const json = (value: unknown) => (value === null ? null : rowJson(value));
  const lostAfterMs = settings.lostAfterMs;
  await sql`
    insert into pools (name, description, labels, slots, priority, weight, jobs_max, untrusted_allowed,
      suspect_after_ms, lost_after_ms, scaling, provider, job_settings)
    values (${name}, ${settings.description}, ${settings.labels}::text[], ${settings.slots}, ${settings.priority},
      ${settings.weight}, ${settings.jobsMax}, ${settings.untrustedAllowed}, ${settings.suspectAfterMs}, ${lostAfterMs},
      ${json(settings.scaling)}::jsonb, ${json(settings.provider)}::jsonb,
      ${json(settings.jobSettings)}::jsonb)
    on conflict (name) do update set description = excluded.description, labels = excluded.labels, slots = excluded.slots,
      priority = excluded.priority, weight = excluded.weight, jobs_max = excluded.jobs_max,
      untrusted_allowed = excluded.untrusted_allowed, suspect_after_ms = excluded.suspect_after_ms,
      lost_after_ms = excluded.lost_after_ms, scaling = excluded.scaling, provider = excluded.provider,
      job_settings = excluded.job_settings,
      updated_at = clock_timestamp()`.execute(tx);
}
