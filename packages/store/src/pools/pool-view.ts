import { sql } from "kysely";
import type { Database } from "../database.ts";

/** A pool as people see it. */
export interface PoolView {
  readonly name: string;
  readonly labels: string[];
  readonly priority: number;
  readonly weight: number;
  readonly untrusted_allowed: boolean;
  readonly paused_at: Date | null;
  readonly paused_reason: string | null;
  readonly expiry_held_until: Date | null;
  readonly agents_count: number;
  readonly slots: number;
  readonly slots_used: number;
}

/** Every pool with its agents counted, by name. */
export async function listPoolViews(db: Database): Promise<PoolView[]> {
  const { rows } = await sql<PoolView>`
    select p.name, p.labels, p.priority, p.weight, p.untrusted_allowed, p.paused_at, p.paused_reason, p.expiry_held_until,
      count(a.id)::int as agents_count, coalesce(sum(a.slots), 0)::int as slots,
      (select count(*)::int from attempts t where t.pool = p.name and t.state in ('offered', 'running')) as slots_used
    from pools p left join agents a on a.pool = p.name and a.state in ('ready', 'draining')
    group by p.name order by p.name`.execute(db);
  return rows;
}
