import type { Clock, Logger } from "@windrow/service";
import { type Database, listRemovedAgents } from "@windrow/store";
import { AGENT_JWT_SECONDS } from "../agent-api/agent-jwt.ts";

export interface RevokeDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Refuses what was issued to the NATS user until then; does nothing when NATS knows that already. */
  readonly revokeNatsUser: (natsPublicKey: string, untilMs: number) => Promise<void>;
}

/** A credential that was issued while the agent was being removed is refused, too. */
const ISSUED_LATE_MS = 60_000;
/** NATS is asked again this long after it took a revocation: it may have lost it with its disk. */
const ASK_AGAIN_MS = 600_000;
/** Revocations of one pass: each takes a connection and a moment. */
const PER_PASS_MAX = 20;

/**
 * Repeats the revocation of removed agents' NATS users for as long as a credential of theirs may live: the one at the
 * removal may have failed, or its controller ended before it. Returns the pass.
 */
export function createRevokeNatsUsers(deps: RevokeDeps): () => Promise<void> {
  const askAgainAtMs = new Map<string, number>();

  return async () => {
    const now = deps.clock.monotonicMs();
    for (const [agentId, atMs] of askAgainAtMs) if (atMs <= now) askAgainAtMs.delete(agentId);
    const removed = await listRemovedAgents(deps.db, AGENT_JWT_SECONDS * 1_000 + ISSUED_LATE_MS);
    const due = removed.filter((agent) => !askAgainAtMs.has(agent.agentId));
    for (const { agentId, natsPublicKey, removedAt } of due.slice(0, PER_PASS_MAX)) {
      try {
        await deps.revokeNatsUser(natsPublicKey, removedAt.getTime() + ISSUED_LATE_MS);
        askAgainAtMs.set(agentId, deps.clock.monotonicMs() + ASK_AGAIN_MS);
      } catch (error) {
        // NATS is away, most likely: the others would wait for it as well
        deps.logger.warn({ err: error, agentId }, "a removed agent's NATS user is revoked later");
        return;
      }
    }
  };
}
