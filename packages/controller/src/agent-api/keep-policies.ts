import { isDeepStrictEqual } from "node:util";
import { type AgentId, effectiveJobPolicy, type JobPolicy } from "@windrow/model";
import { type Clock, type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import { type Database, readPools } from "@windrow/store";
import type { SessionRegistry } from "./session-registry.ts";

export interface PolicyKeeper extends Service {
  /** What the agent was told when its session opened. */
  told(agentId: AgentId, of: ToldPolicy): void;
  /** Its session is over. */
  forget(agentId: AgentId): void;
}

export interface ToldPolicy {
  readonly sessionNo: number;
  readonly pool: string;
  readonly policy: JobPolicy;
}

const EVERY_MS = 1_000;

/** Tells agents that are connected here what their pool says of its jobs, once it says something else. */
export function createPolicyKeeper(deps: {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sessions: SessionRegistry;
}): PolicyKeeper {
  const { db, clock, logger, sessions } = deps;
  const byAgent = new Map<AgentId, ToldPolicy>();
  let loop: Loop | undefined;

  async function runOnce(): Promise<void> {
    if (byAgent.size === 0) return;
    const policies = new Map(
      (await readPools(db)).map((pool) => [pool.name, effectiveJobPolicy(pool.jobSettings, pool)]),
    );
    for (const [agentId, known] of byAgent) {
      const policy = policies.get(known.pool);
      if (policy === undefined || isDeepStrictEqual(policy, known.policy)) continue;
      if (sessions.find(agentId)?.sessionNo !== known.sessionNo) continue;
      byAgent.set(agentId, { ...known, policy });
      sessions.send(agentId, { kind: "policy", policy });
    }
  }

  return {
    told: (agentId, of) => void byAgent.set(agentId, of),
    forget: (agentId) => void byAgent.delete(agentId),
    async start() {
      loop = startLoop({ name: "policies", everyMs: EVERY_MS, clock, logger, runOnce });
    },
    stop: async () => loop?.stop(),
  };
}
