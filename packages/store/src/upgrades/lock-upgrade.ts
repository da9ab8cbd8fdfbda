import type { UpgradeAgent, UpgradeStep } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

export interface RunningUpgrade {
  readonly id: string;
  readonly pool: string;
  readonly version: string;
  readonly atOnce: number;
}

/** Every upgrade that is not over. */
export async function listRunningUpgrades(db: Database): Promise<RunningUpgrade[]> {
  const { rows } = await sql<RunningUpgrade>`
    select id, pool, version, at_once as "atOnce" from pool_upgrades where state = 'running' order by pool`.execute(db);
  return rows;
}

/** Locks the pool's upgrade until the transaction ends; undefined when none is running. */
export async function lockUpgrade(tx: Tx, pool: string): Promise<RunningUpgrade | undefined> {
  const { rows } = await sql<RunningUpgrade>`
    select id, pool, version, at_once as "atOnce" from pool_upgrades
    where pool = ${pool} and state = 'running' for update`.execute(tx);
  return rows[0];
}

/** The agents of a pool as an upgrade sees them; `upgradeId` undefined is before there is one. */
export async function readUpgradeAgents(
  db: Database | Tx,
  of: { readonly pool: string; readonly upgradeId: string | undefined },
): Promise<UpgradeAgent[]> {
  const { rows } = await sql<Omit<UpgradeAgent, "step"> & { step: UpgradeStep | null }>`
    select a.id as "agentId", a.name, a.version, a.is_upgradable and not a.is_ephemeral as "isUpgradable",
      a.state in ('ready', 'draining') and a.session_controller is not null as "isConnected",
      a.state = 'removed' or a.disabled_at is not null or coalesce(m.state in ('ending', 'ended', 'failed'), false) as "isLeaving",
      a.state = 'lost' as "isLost", a.drain_requested as "isDrained",
      (select count(*)::int from attempts t where t.agent_id = a.id and t.state in ('offered', 'running')) as "openCount",
      a.instance_id as "instanceId",
      case when u.agent_id is not null then jsonb_build_object('state', u.state, 'problem', u.problem,
        'sentAtMs', (extract(epoch from u.sent_at) * 1000)::float8, 'sentInstanceId', u.sent_instance_id) end as step
    from agents a
    left join machines m on m.id = a.machine_id
    left join agent_upgrades u on u.agent_id = a.id and u.upgrade_id = ${of.upgradeId ?? null}::bigint
    where (a.pool = ${of.pool} and a.state <> 'removed') or u.agent_id is not null
    order by a.name`.execute(db);
  return rows.map(({ step, ...agent }) => (step === null ? agent : { ...agent, step }));
}

/** The database's clock, by which the times of an upgrade are kept. */
export async function readUpgradeClock(tx: Tx): Promise<number> {
  const { rows } = await sql<{
    ms: number;
  }>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`.execute(tx);
  return rows[0]?.ms ?? 0;
}
