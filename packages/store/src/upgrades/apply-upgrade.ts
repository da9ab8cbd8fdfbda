import type { AgentId, UpgradeAction, UpgradeState } from "@windrow/model";
import { sql } from "kysely";
import { drainAgent } from "../agents/change-agent.ts";
import type { Tx } from "../database.ts";
import type { RunningUpgrade } from "./lock-upgrade.ts";

/** An agent whose drain an upgrade has changed: it is to be told. */
export interface ChangedDrain {
  readonly agentId: AgentId;
  readonly draining: boolean;
}

/**
 * Applies one decision to the agents of an upgrade that is locked in the same transaction. An agent that ends its part takes
 * work again, unless somebody else had drained it before, or its machine is being taken away.
 */
export async function applyUpgrade(
  tx: Tx,
  upgrade: RunningUpgrade,
  actions: readonly UpgradeAction[],
): Promise<ChangedDrain[]> {
  const changed: ChangedDrain[] = [];
  // in the order of ids, like everybody who locks agents
  for (const action of [...actions].sort((a, b) => (a.agentId < b.agentId ? -1 : 1))) {
    const { agentId } = action;
    if (action.kind === "drain") {
      await beginStep(tx, upgrade, agentId);
      const reason = `upgrade to ${upgrade.version}`;
      if (await drainAgent(tx, { agentId, draining: true, reason })) changed.push({ agentId, draining: true });
    } else if (action.kind === "send") {
      await markSent(tx, upgrade, agentId);
    } else {
      const state = { done: "upgraded", skip: "skipped", fail: "failed" } as const;
      const problem = "reason" in action ? action.reason : null;
      await endStep(tx, { upgradeId: upgrade.id, agentId, state: state[action.kind], problem });
      if (await resume(tx, upgrade.id, agentId)) changed.push({ agentId, draining: false });
    }
  }
  return changed;
}

/** Ends an upgrade. Agents that it had not told yet take work again; those that were told come back by themselves. */
export async function endUpgrade(
  tx: Tx,
  upgrade: RunningUpgrade,
  end: { readonly state: Exclude<UpgradeState, "running">; readonly reason: string },
): Promise<ChangedDrain[]> {
  const { rows } = await sql<{ agentId: AgentId }>`
    select agent_id as "agentId" from agent_upgrades where upgrade_id = ${upgrade.id} and ended_at is null
    order by agent_id`.execute(tx);
  const changed: ChangedDrain[] = [];
  for (const { agentId } of rows) {
    await endStep(tx, { upgradeId: upgrade.id, agentId, state: "skipped", problem: `the upgrade was ${end.state}` });
    if (await resume(tx, upgrade.id, agentId)) changed.push({ agentId, draining: false });
  }
  await sql`
    update pool_upgrades set state = ${end.state}, reason = ${end.reason}, ended_at = clock_timestamp()
    where id = ${upgrade.id} and state = 'running'`.execute(tx);
  return changed;
}

async function beginStep(tx: Tx, upgrade: RunningUpgrade, agentId: AgentId): Promise<void> {
  await sql`
    insert into agent_upgrades (upgrade_id, agent_id, state, from_version, was_drained)
    select ${upgrade.id}, id, 'draining', version, drain_requested from agents where id = ${agentId}`.execute(tx);
}

async function markSent(tx: Tx, upgrade: RunningUpgrade, agentId: AgentId): Promise<void> {
  await sql`
    update agent_upgrades u set state = 'upgrading', sent_at = clock_timestamp(), sent_instance_id = a.instance_id
    from agents a
    where u.upgrade_id = ${upgrade.id} and u.agent_id = ${agentId} and u.state = 'draining' and a.id = u.agent_id`.execute(
    tx,
  );
}

async function endStep(
  tx: Tx,
  step: {
    readonly upgradeId: string;
    readonly agentId: AgentId;
    readonly state: "upgraded" | "skipped" | "failed";
    readonly problem: string | null;
  },
): Promise<void> {
  await sql`
    update agent_upgrades set state = ${step.state}, problem = ${step.problem}, ended_at = clock_timestamp()
    where upgrade_id = ${step.upgradeId} and agent_id = ${step.agentId} and ended_at is null`.execute(tx);
}

async function resume(tx: Tx, upgradeId: string, agentId: AgentId): Promise<boolean> {
  const { rows } = await sql`
    select from agent_upgrades u join agents a on a.id = u.agent_id left join machines m on m.id = a.machine_id
    where u.upgrade_id = ${upgradeId} and u.agent_id = ${agentId} and not u.was_drained
      and not coalesce(m.state in ('ending', 'ended', 'failed'), false)`.execute(tx);
  if (rows.length === 0) return false;
  return drainAgent(tx, { agentId, draining: false, reason: "the upgrade is over" });
}
