import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** Who could run jobs of one label set. */
export interface LabelCover {
  readonly label_set_id: number;
  readonly labels: readonly string[];
  /** Agents that have all the labels (own and the pool's), whether or not they are connected. */
  readonly agents_known: number;
  /** Those of them that are connected and take work, in pools that are not paused. */
  readonly agents_ready: number;
  readonly pools_paused: number;
  readonly slots_free: number;
}

/** For each label set: how many agents could take a job of it, and why they might not. */
export async function listLabelCover(db: Database | Tx, labelSetIds: readonly number[]): Promise<LabelCover[]> {
  if (labelSetIds.length === 0) return [];
  const rows = await sql<LabelCover>`
    select s.id as label_set_id, s.labels,
      count(a.id)::int as agents_known,
      count(a.id) filter (where a.state = 'ready' and p.paused_at is null)::int as agents_ready,
      count(a.id) filter (where p.paused_at is not null)::int as pools_paused,
      coalesce(sum(greatest(a.slots - used.count, 0)) filter (where a.state = 'ready' and p.paused_at is null), 0)::int
        as slots_free
    from label_sets s
    left join (agents a join pools p on p.name = a.pool)
      on a.state <> 'removed'
      and s.labels <@ (array(select lower(l) from unnest(a.labels || p.labels) as l where lower(l) not like 'pool:%')
        || ('pool:' || a.pool))
    left join lateral (
      select count(*)::int as count from attempts t where t.agent_id = a.id and t.state in ('offered', 'running')
    ) used on true
    where s.id = any(${sql.val([...labelSetIds])}::bigint[])
    group by s.id, s.labels`.execute(db);
  return rows.rows;
}
