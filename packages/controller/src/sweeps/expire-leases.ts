import { BRAKE_WINDOW_MS, decideExpiryBrake } from "@windrow/model";
import { findExpiredLeases, holdExpiry, loseSilentAgents, readLossFacts, suspectSilentAgents } from "@windrow/store";
import { loseAttempt } from "../runs/end-attempt-run.ts";
import { endEach } from "./end-each.ts";
import type { SweepDeps } from "./sweep-deps.ts";

/**
 * Gives up on agents that stayed away: their running attempts are lost and their jobs requeued. A pool of which most
 * seems gone at once is held back.
 */
export async function expireLeases(deps: SweepDeps): Promise<void> {
  const suspects = await suspectSilentAgents(deps.db);
  if (suspects.length > 0) deps.logger.info({ agentIds: suspects }, "agents are silent");
  const held = await brake(deps);
  const lost = await loseSilentAgents(deps.db, [...held]);
  if (lost.length > 0) deps.logger.warn({ agentIds: lost }, "agents are lost");
  await endEach(deps, await findExpiredLeases(deps.db, [...held]), async ({ attemptId }) => {
    const advanced = await loseAttempt(deps, attemptId, {
      how: "lose",
      reason: "agent_lost",
      isDue: (locked) => locked.state === "running" && locked.leaseLeftMs < 0,
    });
    if (advanced !== undefined) deps.metrics.lostAttempts.inc();
    return advanced;
  });
}

/** The pools in which nothing may expire now. */
async function brake(deps: SweepDeps): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  for (const facts of await readLossFacts(deps.db, BRAKE_WINDOW_MS)) {
    const decision = decideExpiryBrake(facts);
    if (decision.kind === "expire") continue;
    held.add(facts.pool);
    if (!decision.alert) continue;
    await holdExpiry(deps.db, facts.pool, decision.untilMs);
    deps.metrics.expiryHeld.inc();
    deps.logger.error(
      { pool: facts.pool, agentsCount: facts.agentsCount, lostCount: facts.lostCount },
      "most of a pool seems gone at once: nothing of it expires for a while",
    );
  }
  return held;
}
