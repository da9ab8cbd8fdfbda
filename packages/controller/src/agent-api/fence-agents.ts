import { type Clock, type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import { type Database, type FencedAgent, findFencedAgents } from "@windrow/store";
import type { DatabaseWatch } from "../database-watch.ts";
import { type AgentAuthenticator, disabledRefusal, removedRefusal } from "./authenticate-agent.ts";
import { superseded } from "./serve-session.ts";
import type { SessionRegistry } from "./session-registry.ts";

export interface FenceDeps {
  readonly db: Database;
  readonly watch: DatabaseWatch;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly controllerId: string;
  readonly sessions: SessionRegistry;
  readonly authenticator: Pick<AgentAuthenticator, "forget">;
}

/** Twice a second, so that a removal bites within one: NATS says it sooner, but it may be away. */
const LOOK_EVERY_MS = 400;
/** Longer than a key is remembered, and than a transaction may take to become visible. */
const LOOK_BACK_MS = 15_000;

/**
 * Ends sessions here of agents that another controller removed, disabled or took over, and forgets their keys. A pass
 * looks back over everything since the last one that succeeded, so that an outage hides nothing.
 */
export function createAgentFence(deps: FenceDeps): Service & { runOnce(): Promise<void> } {
  const { clock, logger } = deps;
  let lookedAtMs = clock.monotonicMs();
  let loop: Loop | undefined;

  async function runOnce(): Promise<void> {
    const nowMs = clock.monotonicMs();
    const withinMs = nowMs - lookedAtMs + LOOK_BACK_MS;
    const { controllerId } = deps;
    const fenced = await deps.watch.watch(() => findFencedAgents(deps.db, { withinMs, controllerId }));
    lookedAtMs = nowMs;
    for (const agent of fenced) fence(agent);
  }

  function fence({ agentId, why, reason, sessionNo }: FencedAgent): void {
    if (why !== "superseded") deps.authenticator.forget(agentId);
    const session = deps.sessions.find(agentId);
    if (session === undefined) return;
    if (why === "removed") session.end(removedRefusal());
    else if (why === "disabled") session.end(disabledRefusal(reason));
    else if (session.sessionNo < sessionNo) session.end(superseded());
  }

  return {
    runOnce,
    async start() {
      loop = startLoop({ name: "agent fence", everyMs: LOOK_EVERY_MS, clock, logger, runOnce });
    },
    async stop() {
      await loop?.stop();
    },
  };
}
