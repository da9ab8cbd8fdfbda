import type { AgentId } from "@windrow/model";
import type { Clock } from "@windrow/service";
import { issueAgentNatsJwt, type NatsKeys } from "@windrow/wire";

/** The NATS credential of one session, renewed at two thirds of its life. */
export interface AgentJwt {
  /** A fresh one when it is time (always the first time); undefined when not, or when the farm has no NATS. */
  next(): Promise<string | undefined>;
}

export const AGENT_JWT_SECONDS = 24 * 3_600;

export function createAgentJwt(deps: {
  readonly keys: NatsKeys | undefined;
  readonly clock: Clock;
  readonly agentId: AgentId;
  readonly natsPublicKey: string;
}): AgentJwt {
  let dueAtMs = 0;
  return {
    async next() {
      const { keys, clock } = deps;
      if (keys === undefined || clock.monotonicMs() < dueAtMs) return undefined;
      dueAtMs = clock.monotonicMs() + (AGENT_JWT_SECONDS * 1_000 * 2) / 3;
      return issueAgentNatsJwt({
        agentId: deps.agentId,
        userPublicKey: deps.natsPublicKey,
        agentSigningSeed: keys.agentSigningSeed,
        accountPublicKey: keys.accountPublicKey,
        ttlSeconds: AGENT_JWT_SECONDS,
        nowMs: clock.nowMs(),
      });
    },
  };
}
