import { type AgentId, Refusal } from "@windrow/model";
import type { Clock } from "@windrow/service";

export interface BudgetTerms {
  readonly perSecond: number;
  /** What may come at once after a quiet time. */
  readonly burst: number;
  /** What is counted, for the sentence: `calls`. */
  readonly what: string;
}

/** Bounds how often each agent may do something: an agent gone wild costs the others nothing. */
export interface CallBudget {
  /** Throws `too_many` when the agent has used its share of this moment. */
  spend(agentId: AgentId): void;
}

/** Agents remembered; more than a farm has. One that is forgotten begins anew. */
const AGENTS_MAX = 20_000;

export function createCallBudget(clock: Clock, { perSecond, burst, what }: BudgetTerms): CallBudget {
  const left = new Map<AgentId, { count: number; atMs: number }>();
  return {
    spend(agentId) {
      const nowMs = clock.monotonicMs();
      const entry = left.get(agentId) ?? { count: burst, atMs: nowMs };
      if (left.size >= AGENTS_MAX && !left.has(agentId)) left.clear();
      left.set(agentId, entry);
      entry.count = Math.min(burst, entry.count + ((nowMs - entry.atMs) * perSecond) / 1_000);
      entry.atMs = nowMs;
      if (entry.count < 1) {
        throw new Refusal("too_many", `an agent may make ${perSecond} ${what} a second`, { hint: "go slower" });
      }
      entry.count -= 1;
    },
  };
}
