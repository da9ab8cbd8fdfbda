import { createHash } from "node:crypto";
import { isIPv4 } from "node:net";
import {
  ensureForwarding,
  findNameServers,
  isWallUp,
  type JobRange,
  leaveWall,
  type NetworkTools,
  raiseWall,
  readBridges,
} from "@windrow/backends";
import { type Clock, type Logger, type Loop, startLoop } from "@windrow/service";
import type { FarmBook } from "./farm-book.ts";

export interface WalledJob {
  /** An address, or a network of the engine's. */
  readonly address: string;
  readonly farmAccess: boolean;
}

/** Keeps the wall around the jobs of this agent that the kernel passes packets for. */
export interface JobWalls {
  /** The wall stands, and holds for this job, when it resolves. Answers a way to forget the job. */
  add(job: WalledJob): Promise<() => Promise<void>>;
  /** This process has put it up, or found it standing. */
  isUp(): boolean;
  /** For jobs that come soon. */
  raise(): Promise<void>;
  /** Wakes it: what the farm says has changed. */
  wake(): void;
  stop(): Promise<void>;
}

/** Other programs load rules of their own, and the farm's names lead elsewhere. */
const LOOK_EVERY_MS = 15_000;

export async function createJobWalls(options: {
  readonly tools: NetworkTools;
  readonly range: JobRange;
  readonly farm: FarmBook;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<JobWalls> {
  const { tools, range, farm, stateDir, clock, logger } = options;
  const owner = createHash("sha256").update(stateDir).digest("hex").slice(0, 12);
  const jobs = new Set<WalledJob>();
  // One that stood when this process began may hold exemptions of the process before.
  let isUp = await isWallUp(tools);
  let last: Promise<void> = Promise.resolve();

  /** One after the other; each takes what is wanted when its turn comes. */
  function raise(): Promise<void> {
    const next = last.then(raiseNow, raiseNow);
    last = next;
    return next;
  }

  async function raiseNow(): Promise<void> {
    await farm.look();
    const [{ others }, bridges] = await Promise.all([findNameServers(), readBridges(tools)]);
    await raiseWall(tools, range, {
      owner,
      nowMinutes: Math.floor(clock.nowMs() / 60_000),
      farmAddresses: farm.addresses().filter((address) => isIPv4(address)),
      nameServers: others,
      jobs: [...jobs].map(({ address }) => address),
      exempt: [...jobs].filter(({ farmAccess }) => farmAccess).map(({ address }) => address),
      bridges,
    });
    isUp = true;
  }

  const loop: Loop = startLoop({
    name: "job walls",
    everyMs: LOOK_EVERY_MS,
    clock,
    logger,
    async runOnce() {
      if (isUp) await raise();
    },
  });

  return {
    async add(job) {
      jobs.add(job);
      try {
        await raise();
        if (await ensureForwarding(tools)) {
          logger.warn("this machine passes packets on from now on (net.ipv4.ip_forward), those of jobs alone");
        }
      } catch (error) {
        jobs.delete(job);
        throw error;
      }
      return async () => {
        // Others are not held up by it: the next look takes the rest away.
        if (jobs.delete(job) && job.farmAccess) await raise();
      };
    },
    isUp: () => isUp,
    raise,
    wake: () => loop.wake(),
    async stop() {
      await loop.stop();
      await last.catch((error: unknown) => logger.warn({ err: error }, "the wall around jobs could not be put right"));
      // jobs go on without this process: another takes them up
      if (!isUp || jobs.size > 0) return;
      try {
        await leaveWall(tools, range, { owner, nowMinutes: Math.floor(clock.nowMs() / 60_000) });
      } catch (error) {
        logger.warn({ err: error }, "the wall around jobs could not be taken away");
      }
    },
  };
}
