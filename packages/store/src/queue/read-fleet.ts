import type { AgentGroup, Fleet, FleetPool, ScalingPolicy } from "@windrow/model";
import { sql } from "kysely";
import { agentRoom, isAgentAvailable, openByAgent } from "../agents/find-free-agents.ts";
import type { Database, Tx } from "../database.ts";

interface PoolRow {
  readonly name: string;
  readonly labels: readonly string[];
  readonly isPaused: boolean;
  readonly pausedBy: string | null;
  readonly pausedReason: string | null;
  readonly untrustedAllowed: boolean;
  readonly jobsMax: number | null;
  readonly jobsOpenCount: number;
  readonly scaling: ScalingPolicy | null;
  readonly labelSets: readonly (readonly string[])[];
  readonly machinesCount: number;
  readonly comingCount: number;
  readonly comingForMs: number;
  readonly error: string | null;
  readonly retryInMs: number | null;
}

interface GroupRow extends Omit<AgentGroup, "draining" | "offline"> {
  readonly drainingName: string | null;
  readonly drainingReason: string | null;
  readonly drainingUnfit: boolean | null;
  readonly offlineName: string | null;
  readonly offlineSeenAgoMs: number | null;
}

/** Who could run jobs now: pools, and their agents counted by labels. Two statements, however many jobs wait. */
export async function readFleet(db: Database | Tx): Promise<Fleet> {
  const pools = await readFleetPools(db);
  const { rows } = await sql<GroupRow>`
    with agent as (
      select a.pool, a.effective_labels as labels, a.name, ${agentRoom} as slots, a.last_seen_at,
        coalesce(a.disabled_reason, a.unfit_reason, a.drain_reason) as reason,
        a.unfit_reason is not null and a.disabled_at is null as is_unfit,
        -- as the dispatcher sees it: one that is there for one job and had it takes no second
        case when ${isAgentAvailable} then greatest(0, ${agentRoom} - coalesce(o.open_count, 0)) else 0 end as free,
        case when a.disabled_at is not null then 'draining'
          when a.state in ('joining', 'suspect', 'lost') then 'offline'
          when a.state = 'draining' or a.drain_requested or a.unfit_reason is not null then 'draining'
          else 'ready' end as readiness
      from agents a left join ${openByAgent} o on o.agent_id = a.id where a.state <> 'removed'
    )
    select pool, labels,
      count(*) filter (where readiness = 'ready')::int as "readyCount",
      count(*) filter (where readiness = 'draining')::int as "drainingCount",
      count(*) filter (where readiness = 'offline')::int as "offlineCount",
      coalesce(sum(slots) filter (where readiness = 'ready'), 0)::int as slots,
      coalesce(sum(free) filter (where readiness = 'ready'), 0)::int as "freeSlots",
      (array_agg(name order by name) filter (where readiness = 'draining'))[1] as "drainingName",
      (array_agg(reason order by name) filter (where readiness = 'draining'))[1] as "drainingReason",
      (array_agg(is_unfit order by name) filter (where readiness = 'draining'))[1] as "drainingUnfit",
      (array_agg(name order by name) filter (where readiness = 'offline'))[1] as "offlineName",
      (array_agg((extract(epoch from clock_timestamp() - last_seen_at) * 1000)::float8 order by name)
        filter (where readiness = 'offline'))[1] as "offlineSeenAgoMs"
    from agent group by pool, labels order by pool, labels`.execute(db);
  return { pools, agentGroups: rows.map(toGroup) };
}

async function readFleetPools(db: Database | Tx): Promise<FleetPool[]> {
  const { rows } = await sql<PoolRow>`
    select p.name, effective_labels('{}', p.name) as labels, p.paused_at is not null as "isPaused", p.paused_by as "pausedBy", p.paused_reason as "pausedReason",
      p.untrusted_allowed as "untrustedAllowed", p.jobs_max as "jobsMax", coalesce(open.count, 0)::int as "jobsOpenCount",
      -- without a provider nobody makes agents, whatever the policy says
      case when p.provider is not null then p.scaling end as scaling,
      case when p.scaling is null then '[]'::jsonb
        else jsonb_build_array(effective_labels('{}', p.name)) || coalesce(made.labels, '[]') end as "labelSets",
      coalesce(m.machines_count, 0)::int as "machinesCount", coalesce(m.coming_count, 0)::int as "comingCount",
      coalesce(m.coming_for_ms, 0)::float8 as "comingForMs", coalesce(m.error, failed.error) as error,
      m.retry_in_ms as "retryInMs"
    from pools p
    left join (
      select t.pool, count(*) as count from attempts t where t.state in ('offered', 'running') group by t.pool
    ) open on open.pool = p.name
    left join lateral (
      -- what the last one of its machines found on itself, beside what the pool says
      select jsonb_build_array(effective_labels(a.labels, p.name)) as labels
      from machines o join agents a on a.id = o.agent_id
      where o.pool = p.name and o.agent_id is not null and p.scaling is not null
      order by o.joined_at desc limit 1
    ) made on true
    left join lateral (
      select count(*) filter (where o.state <> 'ending') as machines_count,
        count(*) filter (where o.state in ('creating', 'starting') and o.error is null) as coming_count,
        extract(epoch from clock_timestamp() - min(o.requested_at)
          filter (where o.state in ('creating', 'starting') and o.error is null)) * 1000 as coming_for_ms,
        (array_agg(o.error order by o.requested_at) filter (where o.state in ('creating', 'starting') and o.error is not null))[1]
          as error,
        (extract(epoch from min(o.not_before) filter (where o.state in ('creating', 'starting')) - clock_timestamp()) * 1000)::float8
          as retry_in_ms
      from machines o where o.pool = p.name and o.state not in ('ended', 'failed')
    ) m on true
    left join lateral (
      -- given up, and nothing has come since
      select o.error from machines o
      where o.pool = p.name and o.state = 'failed' and o.ended_at > clock_timestamp() - interval '10 minutes'
        and not exists (select from machines g where g.pool = p.name and g.agent_id is not null and g.joined_at > o.ended_at)
      order by o.ended_at desc limit 1
    ) failed on true
    order by p.name`.execute(db);
  return rows.map(toPool);
}

function toPool(row: PoolRow): FleetPool {
  const { scaling, labelSets, machinesCount, comingCount, comingForMs, error, retryInMs } = row;
  return {
    name: row.name,
    labels: row.labels,
    paused: row.isPaused ? { by: row.pausedBy, reason: row.pausedReason } : null,
    untrustedAllowed: row.untrustedAllowed,
    jobsMax: row.jobsMax,
    jobsOpenCount: row.jobsOpenCount,
    scaling:
      scaling === null
        ? null
        : {
            // also what it may have at another hour: such a job is not without hope
            agentsMax: Math.max(scaling.max, ...(scaling.windows ?? []).map((window) => window.max ?? 0)),
            labelSets,
            machinesCount,
            comingCount,
            comingForMs,
            failure: error === null ? null : { error, retryInMs },
          },
  };
}

function toGroup({
  drainingName,
  drainingReason,
  drainingUnfit,
  offlineName,
  offlineSeenAgoMs,
  ...row
}: GroupRow): AgentGroup {
  return {
    ...row,
    draining:
      drainingName === null ? null : { name: drainingName, reason: drainingReason, isUnfit: drainingUnfit ?? false },
    offline: offlineName === null ? null : { name: offlineName, seenAgoMs: offlineSeenAgoMs },
  };
}
