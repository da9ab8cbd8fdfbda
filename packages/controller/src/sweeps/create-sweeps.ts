import { type Loop, type Service, startLoop } from "@windrow/service";
import { forgetControllers } from "@windrow/store";
import type { SessionRegistry } from "../agent-api/session-registry.ts";
import type { DatabaseWatch } from "../database-watch.ts";
import { advanceStuckRuns } from "./advance-stuck-runs.ts";
import { deleteOrphanBlobs } from "./delete-orphan-blobs.ts";
import { endOrphanedAttempts } from "./end-orphaned-attempts.ts";
import { endOverdueAttempts } from "./end-overdue-attempts.ts";
import { expireLeases } from "./expire-leases.ts";
import { expireOffers } from "./expire-offers.ts";
import { keepControllerPresence, type PresenceDeps } from "./keep-controller-presence.ts";
import type { SweepDeps } from "./sweep-deps.ts";

export interface SweepsOptions extends SweepDeps, PresenceDeps {
  readonly watch: DatabaseWatch;
  readonly sessions: SessionRegistry;
  /** Pushes open offers of the agents connected here. */
  readonly pushOpenOffers: () => Promise<void>;
}

/** Without the database for this long, agents are sent to another controller. */
const AWAY_MAX_MS = 15_000;

/** Thrown at agents whose controller lost the database. */
class DatabaseLost extends Error {
  readonly retryable = true;
}

/** Every periodic pass over rows. Presence comes first: nothing expires in a pass in which it failed. */
export function createSweeps(options: SweepsOptions): Service {
  const { clock, logger, watch } = options;
  let loops: Loop[] = [];
  const every = (name: string, everyMs: number, runOnce: () => Promise<void>): Loop =>
    startLoop({ name, everyMs, clock, logger, runOnce: () => watch.watch(runOnce) });

  async function keepLeases(): Promise<void> {
    await keepControllerPresence(options);
    await expireOffers(options);
    await endOrphanedAttempts(options);
    await endOverdueAttempts(options);
    await expireLeases(options);
  }

  async function leaveDatabase(): Promise<void> {
    if (watch.awayForMs() < AWAY_MAX_MS) return;
    const { sessions } = options;
    if (sessions.agentIds().length === 0) return;
    logger.error({ agentsCount: sessions.agentIds().length }, "the database is away: agents are sent elsewhere");
    sessions.endAll(new DatabaseLost("this controller has lost its database"));
  }

  return {
    async start() {
      await keepControllerPresence(options);
      loops = [
        every("leases", 1_000, keepLeases),
        every("open offers", 1_000, options.pushOpenOffers),
        every("stuck runs", 10_000, () => advanceStuckRuns(options)),
        every("orphan blobs", 3_600_000, async () => {
          await deleteOrphanBlobs(options);
          await forgetControllers(options.db);
        }),
        startLoop({ name: "database away", everyMs: 1_000, clock, logger, runOnce: leaveDatabase }),
      ];
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      loops = [];
    },
  };
}
