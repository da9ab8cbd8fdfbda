import { isOutdated } from "./compare-versions.ts";
import type { AgentId } from "./ids.ts";

export const UPGRADE_STATES = ["running", "finished", "halted", "aborted"] as const;
export type UpgradeState = (typeof UPGRADE_STATES)[number];

/** An agent within an upgrade: draining → upgrading → upgraded; skipped and failed end it, too. */
export const UPGRADE_STEP_STATES = ["draining", "upgrading", "upgraded", "skipped", "failed"] as const;
export type UpgradeStepState = (typeof UPGRADE_STEP_STATES)[number];

/** An agent that was told to exchange itself must be back within this. */
export const UPGRADE_BACK_MS_MAX = 300_000;

/** An agent of the pool, as an upgrade sees it. */
export interface UpgradeAgent {
  readonly agentId: AgentId;
  readonly name: string;
  readonly version: string;
  readonly isUpgradable: boolean;
  /** Has a session now. */
  readonly isConnected: boolean;
  /** Removed, or on its way out of the farm. */
  readonly isLeaving: boolean;
  /** Silent for so long that its jobs run elsewhere. */
  readonly isLost: boolean;
  readonly isDrained: boolean;
  readonly openCount: number;
  /** The process that has the session. */
  readonly instanceId: string | null;
  /** Where this upgrade is with it; absent before. */
  readonly step?: UpgradeStep | undefined;
}

export interface UpgradeStep {
  readonly state: UpgradeStepState;
  /** When it was told to exchange itself first, and which process was. */
  readonly sentAtMs: number | null;
  readonly sentInstanceId: string | null;
  /** What it answered when it could not. */
  readonly problem: string | null;
}

export type UpgradeAction =
  | { readonly kind: "drain" | "send" | "done"; readonly agentId: AgentId }
  | { readonly kind: "skip" | "fail"; readonly agentId: AgentId; readonly reason: string };

export interface UpgradeDecision {
  readonly actions: readonly UpgradeAction[];
  /** The upgrade is over: nobody is left, or an agent failed. */
  readonly end?: { readonly state: "finished" | "halted"; readonly reason: string };
}

export interface UpgradeFacts {
  readonly targetVersion: string;
  /** So many agents at the same time, at most. */
  readonly atOnce: number;
  readonly agents: readonly UpgradeAgent[];
  readonly nowMs: number;
}

/**
 * What a pool's upgrade does next: agents that hold something are let finish, empty ones are told to exchange themselves,
 * those that are back take work again and make room for the next. One that fails halts the upgrade: what broke one agent
 * may break all. Agents that are away now are left out, and taken when they come back before the end.
 */
export function decideUpgrade({ targetVersion, atOnce, agents, nowMs }: UpgradeFacts): UpgradeDecision {
  const actions: UpgradeAction[] = [];
  let openCount = 0;
  let halt: string | undefined;
  for (const agent of agents.filter(isOpen)) {
    const action = decideStep(agent, { targetVersion, nowMs });
    if (action !== undefined) actions.push(action);
    if (action?.kind === "fail") halt ??= `${agent.name}: ${action.reason}`;
    if (action === undefined || action.kind === "send") openCount++;
  }
  if (halt !== undefined) return { actions, end: { state: "halted", reason: halt } };
  const next = agents
    .filter((agent) => agent.step === undefined && canBegin(agent, targetVersion))
    .sort((a, b) => a.openCount - b.openCount || (a.name < b.name ? -1 : 1))
    .slice(0, Math.max(0, atOnce - openCount));
  for (const { agentId } of next) actions.push({ kind: "drain", agentId });
  if (openCount > 0 || next.length > 0) return { actions };
  return { actions, end: { state: "finished", reason: "" } };
}

const isOpen = ({ step }: UpgradeAgent): boolean => step?.state === "draining" || step?.state === "upgrading";

/** Whether an upgrade to this version would begin with the agent now. */
export function canBegin(agent: Omit<UpgradeAgent, "step">, targetVersion: string): boolean {
  return agent.isUpgradable && agent.isConnected && !agent.isLeaving && isOutdated(agent.version, targetVersion);
}

function decideStep(
  agent: UpgradeAgent,
  { targetVersion, nowMs }: { readonly targetVersion: string; readonly nowMs: number },
): UpgradeAction | undefined {
  const { agentId, step } = agent;
  if (step === undefined) return undefined;
  if (agent.isLeaving) return { kind: "skip", agentId, reason: "it was taken off the farm" };
  if (agent.isConnected && agent.version === targetVersion) return { kind: "done", agentId };
  if (step.state === "draining") {
    if (agent.isLost) return { kind: "skip", agentId, reason: "it went away before its turn" };
    if (!agent.isDrained) return { kind: "skip", agentId, reason: "somebody let it take work again" };
    return agent.isConnected && agent.openCount === 0 ? { kind: "send", agentId } : undefined;
  }
  if (step.problem !== null) return { kind: "fail", agentId, reason: step.problem };
  if (agent.isConnected && agent.instanceId !== step.sentInstanceId) {
    return { kind: "fail", agentId, reason: `it came back with version ${agent.version}` };
  }
  if (step.sentAtMs !== null && nowMs - step.sentAtMs > UPGRADE_BACK_MS_MAX) {
    return { kind: "fail", agentId, reason: `it did not come back within ${UPGRADE_BACK_MS_MAX / 60_000} minutes` };
  }
  return undefined;
}
