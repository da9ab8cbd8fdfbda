import type { AgentId } from "@windrow/model";
import { type Clock, type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import {
  type ChangedDrain,
  type Database,
  listRunningUpgrades,
  listUpgradeDrains,
  listUpgradesToSend,
  noteUpgradeProblem,
} from "@windrow/store";
import { type Bus, drainsTo, type UpgradeFile, type UpgradeProblem } from "@windrow/wire";
import type { SessionRegistry } from "../agent-api/session-registry.ts";
import type { PoolTerms } from "../dispatch/pool-terms.ts";
import type { AgentBundles } from "../install/agent-bundles.ts";
import { PLATFORMS } from "../install/bundle-facts.ts";
import { bundlePath } from "../install/bundle-path.ts";
import { advanceUpgrade } from "./advance-upgrade.ts";

export interface UpgradeKeeperDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bus: Bus | undefined;
  readonly sessions: SessionRegistry;
  readonly controllerId: string;
  readonly bundles: AgentBundles;
  /** Who dispatches a pool takes its upgrades on, too. */
  readonly terms: Pick<PoolTerms, "find">;
  readonly wakeDispatch: () => void;
}

export interface UpgradeKeeper extends Service {
  /** An agent says why it could not exchange itself. */
  takeProblem(agentId: AgentId, problem: UpgradeProblem): void;
  /** Tells agents what a change outside of the loop has done to them. */
  tellDrains(changed: readonly ChangedDrain[]): void;
}

const EVERY_MS = 1_000;
/** What the end of an upgrade did to agents is told for so long. */
const AFTER_MS = 10_000;

/**
 * Takes the upgrades of the pools on whose term this controller holds, and tells the agents connected here to exchange
 * themselves. All that counts stands in the database: whoever comes after a controller goes on where it was.
 */
export function createUpgradeKeeper(deps: UpgradeKeeperDeps): UpgradeKeeper {
  const { db, clock, logger, bus, sessions, bundles, controllerId } = deps;
  let loop: Loop | undefined;
  let lookUntilMs = Number.NEGATIVE_INFINITY;

  async function runOnce(): Promise<void> {
    const running = await listRunningUpgrades(db);
    const nowMs = clock.monotonicMs();
    if (running.length > 0) lookUntilMs = nowMs + AFTER_MS;
    if (nowMs > lookUntilMs) return;
    for (const { pool } of running) {
      if (deps.terms.find(pool) === undefined) continue;
      tellDrains(await advanceUpgrade(db, pool, async (version) => (await filesOf(version)).length > 0));
    }
    // again and again, since whoever decided may have no way to an agent that is connected here
    for (const { agentId, draining } of await listUpgradeDrains(db, { controllerId, withinMs: AFTER_MS })) {
      sessions.send(agentId, { kind: "drain", draining });
    }
    for (const { agentId, version } of await listUpgradesToSend(db, controllerId)) {
      sessions.send(agentId, { kind: "upgrade", version, files: await filesOf(version) });
    }
  }

  async function filesOf(version: string): Promise<UpgradeFile[]> {
    const files: UpgradeFile[] = [];
    for (const platform of PLATFORMS) {
      const facts = await bundles.find(platform, version);
      if (facts !== undefined) files.push({ platform, path: bundlePath(facts), sha256: facts.sha256 });
    }
    return files;
  }

  function tellDrains(changed: readonly ChangedDrain[]): void {
    for (const { agentId, draining } of changed) {
      sessions.send(agentId, { kind: "drain", draining });
      bus?.publish(drainsTo(agentId), { draining });
    }
    if (changed.some(({ draining }) => !draining)) deps.wakeDispatch();
  }

  return {
    takeProblem(agentId, { version, problem }) {
      logger.warn({ agentId, version, problem }, "an agent could not be upgraded");
      noteUpgradeProblem(db, { agentId, version, problem }).catch((error: unknown) =>
        logger.warn({ err: error, agentId }, "why an agent could not be upgraded is not kept"),
      );
    },
    tellDrains,
    async start() {
      loop = startLoop({ name: "upgrades", everyMs: EVERY_MS, clock, logger, runOnce });
    },
    async stop() {
      await loop?.stop();
    },
  };
}
