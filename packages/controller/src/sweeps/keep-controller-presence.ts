import type { Clock, Logger } from "@windrow/service";
import {
  type ControllerIdentity,
  type Database,
  extendLeases,
  inTransaction,
  keepPresence,
  readPools,
} from "@windrow/store";

export interface PresenceDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly controller: ControllerIdentity;
}

const GAP_MIN_MS = 3_000;
const GAP_MAX_MS = 5_000;

/**
 * Says that this controller lives. When no controller did for a while (ours was away, or the database), all leases are
 * extended first, in the same transaction: agents could reach nobody, and nothing may expire because of us.
 */
export async function keepControllerPresence(deps: PresenceDeps): Promise<void> {
  const lostAfterMs = Math.min(...(await readPools(deps.db)).map((pool) => pool.lostAfterMs));
  const gapMaxMs = Math.min(GAP_MAX_MS, Math.max(GAP_MIN_MS, lostAfterMs / 3));
  await inTransaction(deps.db, async (tx) => {
    const { gapMs } = await keepPresence(tx, deps.controller);
    if (gapMs <= gapMaxMs) return;
    const { attemptsCount } = await extendLeases(tx);
    deps.logger.warn({ gapMs: Math.round(gapMs), attemptsCount }, "no controller was there: leases are extended");
  });
}
