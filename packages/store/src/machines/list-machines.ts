import type { AgentId, AgentState, MachineState, ProviderKind, ProviderSettings } from "@windrow/model";
import { sql } from "kysely";
import type { Database, Tx } from "../database.ts";

/** More machines than this one farm is not looked at. */
export const MACHINES_LISTED_MAX = 10_000;

/** A machine that is there, is to come or is to go, with what is known of its agent. Durations are by the database's clock. */
export interface MachineRow {
  readonly id: string;
  readonly pool: string;
  readonly name: string;
  readonly provider: ProviderKind;
  readonly host: string | null;
  /** What it was asked for with. */
  readonly settings: ProviderSettings | null;
  readonly state: MachineState;
  readonly isEphemeral: boolean;
  readonly reason: string;
  /** What the provider said last, while that is the reason why it is not there or not gone yet. */
  readonly error: string | null;
  readonly tryCount: number;
  /** How long it is not tried again; 0 when it may be. */
  readonly waitMs: number;
  readonly requestedAt: Date;
  /** Since the provider made it; null before. */
  readonly createdForMs: number | null;
  readonly joinedForMs: number | null;
  readonly agentId: AgentId | null;
  readonly agentState: AgentState | null;
  /** It said goodbye. */
  readonly isAgentStopped: boolean;
  readonly agentLostForMs: number | null;
  /** Attempts that its agent holds. */
  readonly openCount: number;
}

/** The machines of these pools (of all without) that are neither ended nor failed, the oldest first. */
export async function listMachines(db: Database | Tx, pools?: readonly string[]): Promise<MachineRow[]> {
  const { rows } = await sql<MachineRow>`
    select m.id, m.pool, m.name, m.provider, m.host, m.settings, m.state, m.is_ephemeral as "isEphemeral", m.reason, m.error,
      m.try_count as "tryCount", m.requested_at as "requestedAt",
      coalesce(greatest(0, extract(epoch from m.not_before - clock_timestamp()) * 1000), 0)::float8 as "waitMs",
      (extract(epoch from clock_timestamp() - m.created_at) * 1000)::float8 as "createdForMs",
      (extract(epoch from clock_timestamp() - m.joined_at) * 1000)::float8 as "joinedForMs",
      a.id as "agentId", a.state as "agentState", coalesce(a.state = 'lost' and a.suspect_at is null, false) as "isAgentStopped",
      case when a.state = 'lost' then (extract(epoch from clock_timestamp() - a.lost_at) * 1000)::float8 end as "agentLostForMs",
      (select count(*)::int from attempts t where t.agent_id = m.agent_id and t.state in ('offered', 'running')) as "openCount"
    from machines m left join agents a on a.id = m.agent_id
    where m.state not in ('ended', 'failed') and (${pools ?? null}::text[] is null or m.pool = any (${pools ?? null}::text[]))
    order by m.requested_at, m.id limit ${MACHINES_LISTED_MAX}`.execute(db);
  return rows;
}

/** How many machines each pool has in each state that is not over. */
export async function countMachines(
  db: Database,
): Promise<{ readonly pool: string; readonly state: MachineState; readonly count: number }[]> {
  const { rows } = await sql<{ pool: string; state: MachineState; count: number }>`
    select pool, state, count(*)::int as count from machines where state not in ('ended', 'failed')
    group by pool, state order by pool, state`.execute(db);
  return rows;
}

/** A pool whose machines are made by a provider, or were. */
export interface ProvidedPool {
  readonly pool: string;
  /** As they stand now; null when it has no provider any more. */
  readonly settings: ProviderSettings | null;
  /** Of its agents; null when the pool does not say. */
  readonly slots: number | null;
}

/** Every pool with a provider or with machines that are not over, by name. */
export async function listProvidedPools(db: Database): Promise<ProvidedPool[]> {
  const { rows } = await sql<ProvidedPool>`
    select p.name as pool, p.provider as settings, p.slots from pools p
    where p.provider is not null
      or exists (select from machines m where m.pool = p.name and m.state not in ('ended', 'failed'))
    order by p.name`.execute(db);
  return rows;
}
