import type { PoolJobSettings, ProviderSettings, ScalingPolicy } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** A pool as people see it. */
export interface PoolView {
  readonly name: string;
  readonly description: string;
  readonly labels: string[];
  /** Of agents that join without saying. */
  readonly slots_per_agent: number | null;
  readonly priority: number;
  readonly weight: number;
  readonly jobs_max: number | null;
  readonly untrusted_allowed: boolean;
  readonly suspect_after_ms: number;
  readonly lost_after_ms: number;
  readonly scaling: ScalingPolicy | null;
  readonly provider: ProviderSettings | null;
  readonly job_settings: PoolJobSettings | null;
  readonly paused_at: Date | null;
  readonly paused_by: string | null;
  readonly paused_reason: string | null;
  readonly expiry_held_until: Date | null;
  readonly agents_count: number;
  readonly slots: number;
  readonly slots_used: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Every pool with its agents counted, by name; or the one of that name. */
export async function listPoolViews(db: Database | Tx, by: { readonly name?: string } = {}): Promise<PoolView[]> {
  const wanted = by.name === undefined ? sql`true` : sql`p.name = ${by.name}`;
  const { rows } = await sql<PoolView>`
    select p.name, p.description, p.labels, p.slots as slots_per_agent, p.priority, p.weight, p.jobs_max,
      p.untrusted_allowed, p.suspect_after_ms, p.lost_after_ms, p.scaling, p.provider, p.job_settings,
      p.paused_at, p.paused_by, p.paused_reason, p.expiry_held_until, p.created_at, p.updated_at,
      count(a.id)::int as agents_count, coalesce(sum(a.slots), 0)::int as slots,
      (select count(*)::int from attempts t where t.pool = p.name and t.state in ('offered', 'running')) as slots_used
    from pools p left join agents a on a.pool = p.name and a.state in ('ready', 'draining')
    where ${wanted}
    group by p.name order by p.name`.execute(db);
  return rows;
}
