import { type Loop, type Service, startLoop } from "@windrow/service";
import { forgetControllers } from "@windrow/store";
import type { SessionRegistry } from "../agent-api/session-registry.ts";
import type { GroupKeeper } from "../concurrency/keep-groups.ts";
import type { DatabaseWatch } from "../database-watch.ts";
import { advanceStuckRuns } from "./advance-stuck-runs.ts";
import { deleteOrphanBlobs } from "./delete-orphan-blobs.ts";
import { endOrphanedAttempts } from "./end-orphaned-attempts.ts";
import { endOverdueAttempts } from "./end-overdue-attempts.ts";
import { expireLeases } from "./expire-leases.ts";
import { expireOffers } from "./expire-offers.ts";
import { keepControllerPresence, type PresenceDeps } from "./keep-controller-presence.ts";
import { createRevokeNatsUsers, type RevokeDeps } from "./revoke-nats-users.ts";
import type { SweepDeps } from "./sweep-deps.ts";

export interface SweepsOptions extends SweepDeps, PresenceDeps {
  readonly watch: DatabaseWatch;
  readonly sessions: SessionRegistry;
  /** Pushes open offers of the agents connected here. */
  readonly pushOpenOffers: () => Promise<void>;
  /** Absent without NATS. */
  readonly revokeNatsUser: RevokeDeps["revokeNatsUser"] | undefined;
  readonly keeper: Pick<GroupKeeper, "runOnce">;
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
  const common = { clock, logger };
  /** A pass whose faults of reaching the database count as its being away. */
  const watched = (pass: () => Promise<void>) => () => watch.watch(pass);

  async function keepLeases(): Promise<void> {
    await keepControllerPresence(options);
    await expireOffers(options);
    await endOrphanedAttempts(options);
    await endOverdueAttempts(options);
    await expireLeases(options);
  }

  const advanceStuck = () => advanceStuckRuns(options);

  async function deleteLeftovers(): Promise<void> {
    await deleteOrphanBlobs(options);
    await forgetControllers(options.db);
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
        startLoop({ name: "leases", everyMs: 1_000, ...common, runOnce: watched(keepLeases) }),
        startLoop({ name: "open offers", everyMs: 1_000, ...common, runOnce: watched(options.pushOpenOffers) }),
        startLoop({ name: "stuck runs", everyMs: 10_000, ...common, runOnce: watched(advanceStuck) }),
        startLoop({
          name: "concurrency groups",
          everyMs: 2_000,
          ...common,
          runOnce: watched(() => options.keeper.runOnce()),
        }),
        startLoop({ name: "orphan blobs", everyMs: 3_600_000, ...common, runOnce: watched(deleteLeftovers) }),
        startLoop({ name: "database away", everyMs: 1_000, ...common, runOnce: leaveDatabase }),
      ];
      const { revokeNatsUser } = options;
      if (revokeNatsUser === undefined) return;
      const revoke = createRevokeNatsUsers({ ...options, revokeNatsUser });
      loops.push(startLoop({ name: "nats revocations", everyMs: 60_000, ...common, runOnce: watched(revoke) }));
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      loops = [];
    },
  };
}
