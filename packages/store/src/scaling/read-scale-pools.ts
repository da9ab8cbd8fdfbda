import type { ScalingPolicy } from "@windrow/model";
import { sql } from "kysely";
import { agentRoom, isAgentAvailable } from "../agents/find-free-agents.ts";
import type { Database } from "../database.ts";

/** A pool as far as its size, or that of another one, depends on it. */
export interface ScalePoolRow {
  readonly name: string;
  readonly priority: number;
  readonly weight: number;
  readonly untrustedAllowed: boolean;
  readonly isPaused: boolean;
  readonly slots: number | null;
  readonly jobsMax: number | null;
  readonly jobsOpen: number;
  readonly scaling: ScalingPolicy | null;
  readonly hasProvider: boolean;
  /** The label lists of its agents and, where it has a provider, of those that would be made. */
  readonly labelSets: string[][];
  readonly freeSlots: number;
  /** Slots of agents whose machines were asked for and that are not there yet. */
  readonly comingSlots: number;
  /** Machines, and agents that joined by hand and are connected. */
  readonly agentsCount: number;
  /** How long the last machines took from the request until their agents joined, ms. */
  readonly startsMs: number[];
  /** Machines that failed since the last one that joined, a few at most, and how long ago the last did. */
  readonly failedCount: number;
  readonly failedAgoMs: number;
}

const STARTS_MAX = 20;
const FAILURES_MAX = 16;

/** Every pool, by name. */
export async function readScalePools(db: Database): Promise<ScalePoolRow[]> {
  const { rows } = await sql<ScalePoolRow>`
    with agent as (
      select a.pool, a.effective_labels as labels, a.machine_id,
        case when ${isAgentAvailable} then greatest(0, ${agentRoom} - (
            select count(*) from attempts t where t.agent_id = a.id and t.state in ('offered', 'running')))
          else 0 end as free
      from agents a where a.state in ('ready', 'draining', 'suspect')
    ),
    by_pool as (
      select pool, jsonb_agg(distinct to_jsonb(labels)) as label_sets, sum(free)::int as free_slots,
        (count(*) filter (where machine_id is null))::int as by_hand
      from agent group by pool
    )
    select p.name, p.priority, p.weight, p.untrusted_allowed as "untrustedAllowed", p.paused_at is not null as "isPaused",
      p.slots, p.jobs_max as "jobsMax", p.scaling, p.provider is not null as "hasProvider",
      (select count(*)::int from attempts t where t.pool = p.name and t.state in ('offered', 'running')) as "jobsOpen",
      coalesce(b.label_sets, '[]') || case when p.provider is null then '[]'::jsonb
        else jsonb_build_array(effective_labels('{}', p.name)) || coalesce(l.labels, '[]') end as "labelSets",
      coalesce(b.free_slots, 0) as "freeSlots",
      (select coalesce(sum(case when m.is_ephemeral then 1 else coalesce(a.slots, p.slots, 1) end), 0)::int
        from machines m left join agents a on a.id = m.agent_id
        where m.pool = p.name and (m.state in ('creating', 'starting') or m.state = 'ready' and a.state = 'joining')) as "comingSlots",
      coalesce(b.by_hand, 0) + (
        select count(*)::int from machines m where m.pool = p.name and m.state not in ('ended', 'failed')) as "agentsCount",
      array(select (extract(epoch from m.joined_at - m.requested_at) * 1000)::float8 from machines m
        where m.pool = p.name and m.agent_id is not null order by m.joined_at desc limit ${STARTS_MAX}) as "startsMs",
      coalesce(f.failed_count, 0) as "failedCount", coalesce(f.failed_ago_ms, 0) as "failedAgoMs"
    from pools p
    left join by_pool b on b.pool = p.name
    left join lateral (
      -- what the last of its machines found on itself, with what the pool gives now
      select jsonb_build_array(effective_labels(a.labels, p.name)) as labels
      from machines m join agents a on a.id = m.agent_id
      where m.pool = p.name and p.provider is not null and m.agent_id is not null order by m.joined_at desc limit 1
    ) l on true
    left join lateral (
      select count(*)::int as failed_count, (extract(epoch from clock_timestamp() - max(m.ended_at)) * 1000)::float8 as failed_ago_ms
      from (select m.ended_at from machines m
        where m.pool = p.name and m.state = 'failed' and m.ended_at > coalesce((
          select j.joined_at from machines j where j.pool = p.name and j.agent_id is not null
          order by j.joined_at desc limit 1), '-infinity')
        order by m.ended_at desc limit ${FAILURES_MAX}) m
    ) f on true
    order by p.name`.execute(db);
  return rows;
}
