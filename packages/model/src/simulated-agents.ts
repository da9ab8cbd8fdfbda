import { type AgentId, asAgentId, type JobId } from "./ids.ts";
import type { FreeAgent } from "./queue-facts.ts";
import type { ScaledAgent } from "./scale-facts.ts";

/** An agent of a simulation. */
export interface SimulatedAgent {
  readonly name: string;
  readonly requestedAtMs: number;
  isReady: boolean;
  /** Since when it has had no job. */
  idleSinceMs: number;
  readonly jobs: Set<JobId>;
  isSpent: boolean;
}

/** The agents of a simulated pool. */
export function createSimulatedAgents(options: {
  readonly startMs: number;
  readonly slots: number;
  readonly isEphemeral: boolean;
}) {
  const agents = new Map<string, SimulatedAgent>();
  const slots = options.isEphemeral ? 1 : options.slots;
  let madeCount = 0;
  let agentsMax = 0;
  let endedMs = 0;

  function end(name: string, nowMs: number): void {
    const agent = agents.get(name);
    if (agent === undefined) return;
    endedMs += nowMs - agent.requestedAtMs;
    agents.delete(name);
  }

  const stateOf = (agent: SimulatedAgent): ScaledAgent["state"] => {
    if (!agent.isReady) return "starting";
    if (agent.jobs.size > 0) return "busy";
    return agent.isSpent ? "spent" : "idle";
  };

  return {
    end,
    find: (id: AgentId) => agents.get(id),
    make(nowMs: number): SimulatedAgent {
      const name = `simulated-${String(++madeCount).padStart(6, "0")}`;
      const agent = {
        name,
        requestedAtMs: nowMs,
        isReady: false,
        idleSinceMs: nowMs,
        jobs: new Set<JobId>(),
        isSpent: false,
      };
      agents.set(name, agent);
      agentsMax = Math.max(agentsMax, agents.size);
      return agent;
    },
    arrive(agent: SimulatedAgent, nowMs: number): void {
      agent.isReady = true;
      agent.idleSinceMs = nowMs;
    },
    take(agent: SimulatedAgent, jobId: JobId): void {
      agent.jobs.add(jobId);
      agent.isSpent = options.isEphemeral;
    },
    release(agent: SimulatedAgent, jobId: JobId, nowMs: number): void {
      agent.jobs.delete(jobId);
      agent.idleSinceMs = nowMs;
      if (agent.isSpent) end(agent.name, nowMs);
    },
    free(labels: readonly string[]): FreeAgent[] {
      return [...agents.values()]
        .filter((agent) => agent.isReady && !agent.isSpent && agent.jobs.size < slots)
        .map((agent) => ({ agentId: asAgentId(agent.name), labels, freeSlots: slots - agent.jobs.size }));
    },
    list(nowMs: number, leftMs: (jobId: JobId) => number): ScaledAgent[] {
      return [...agents.values()].map((agent) => ({
        machineId: agent.name,
        name: agent.name,
        state: stateOf(agent),
        sinceMs: nowMs - (agent.isReady ? agent.idleSinceMs : agent.requestedAtMs),
        slots,
        leftMs: [...agent.jobs].map(leftMs),
        isEphemeral: options.isEphemeral,
      }));
    },
    isStarting: () => [...agents.values()].some((agent) => !agent.isReady),
    /** When the next idle agent has been idle for so long. */
    nextIdleMs(idleMs: number): number | undefined {
      const idle = [...agents.values()].filter((agent) => agent.isReady && agent.jobs.size === 0);
      return idle.length === 0 ? undefined : Math.min(...idle.map((agent) => agent.idleSinceMs + idleMs));
    },
    totals(nowMs: number) {
      const openMs = [...agents.values()].reduce((sum, agent) => sum + nowMs - agent.requestedAtMs, 0);
      return { agentMs: endedMs + openMs, agentsMax, madeCount };
    },
  };
}
