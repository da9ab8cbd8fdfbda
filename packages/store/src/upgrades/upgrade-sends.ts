import type { AgentId } from "@windrow/model";
import { sql } from "kysely";
import type { Database } from "../database.ts";

export interface UpgradeToSend {
  readonly agentId: AgentId;
  readonly version: string;
}

/** The agents connected to this controller that are to exchange themselves and have not done so. */
export async function listUpgradesToSend(db: Database, controllerId: string): Promise<UpgradeToSend[]> {
  const { rows } = await sql<UpgradeToSend>`
    select a.id as "agentId", p.version
    from agent_upgrades u
    join pool_upgrades p on p.id = u.upgrade_id and p.state = 'running'
    join agents a on a.id = u.agent_id
    where u.ended_at is null and u.state = 'upgrading' and u.problem is null and a.session_controller = ${controllerId}
      and a.instance_id = u.sent_instance_id and a.version <> p.version`.execute(db);
  return rows;
}

export interface UpgradeDrain {
  readonly agentId: AgentId;
  readonly draining: boolean;
}

/** Whether agents connected to this controller are drained that an upgrade has to do with, or had until a moment ago. */
export async function listUpgradeDrains(
  db: Database,
  options: { readonly controllerId: string; readonly withinMs: number },
): Promise<UpgradeDrain[]> {
  const { rows } = await sql<UpgradeDrain>`
    select distinct a.id as "agentId", a.drain_requested as draining
    from agent_upgrades u
    join pool_upgrades p on p.id = u.upgrade_id
    join agents a on a.id = u.agent_id
    where a.session_controller = ${options.controllerId}
      and (p.state = 'running' or p.ended_at > clock_timestamp() - ${options.withinMs} * interval '1 ms')`.execute(db);
  return rows;
}

/** Keeps why an agent could not exchange itself. */
export async function noteUpgradeProblem(
  db: Database,
  of: { readonly agentId: AgentId; readonly version: string; readonly problem: string },
): Promise<void> {
  await sql`
    update agent_upgrades u set problem = ${of.problem}
    from pool_upgrades p
    where p.id = u.upgrade_id and p.state = 'running' and p.version = ${of.version}
      and u.agent_id = ${of.agentId} and u.state = 'upgrading' and u.ended_at is null`.execute(db);
}
