import { execFile } from "node:child_process";
import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Refusal } from "@windrow/model";
import { type Clock, hasCode, type Logger } from "@windrow/service";
import { type BundleFacts, isBundleThere, type Platform, readBundleFacts, toBundleFacts } from "./bundle-facts.ts";

export interface CurrentBundles {
  /** What this controller's own code makes. */
  readonly version: string;
  /** One for each platform whose Node is there. */
  readonly bundles: readonly BundleFacts[];
}

/** The agents that this farm hands out. */
export interface AgentBundles {
  /** Where they lie. */
  readonly dir: string;
  /** Built on first need. Throws Refusal `not_found` where there is nothing to build from. */
  current(): Promise<CurrentBundles>;
  /** One of this version, or of an earlier one that is kept; undefined when there is none. */
  find(platform: Platform, version: string): Promise<BundleFacts | undefined>;
}

export interface AgentBundlesOptions {
  /** Controllers of one farm share it. */
  readonly dir: string;
  readonly packageVersion: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const BUILD_MS_MAX = 120_000;
/** Anybody may ask for the script: what failed is not tried for each of them. */
const TRY_AGAIN_MS = 30_000;
const ANSWER_BYTES_MAX = 64 * 1024;
const PROCESS = fileURLToPath(new URL("./build-bundles-process.ts", import.meta.url));
const run = promisify(execFile);

/** Builds in a process of its own, with low priority: compressing Node takes seconds of a processor. */
export function createAgentBundles({ dir, packageVersion, clock, logger }: AgentBundlesOptions): AgentBundles {
  let building: Promise<CurrentBundles> | undefined;
  let againAtMs = Number.NEGATIVE_INFINITY;
  let begunAtMs = Number.NEGATIVE_INFINITY;

  async function build(): Promise<CurrentBundles> {
    const started = run(process.execPath, [PROCESS, dir, packageVersion], {
      env: { PATH: "/usr/bin:/bin" },
      timeout: BUILD_MS_MAX,
      killSignal: "SIGKILL",
      maxBuffer: ANSWER_BYTES_MAX,
    });
    lowerPriority(started.child.pid);
    const { stdout } = await started;
    const answer: unknown = JSON.parse(stdout);
    if (!Array.isArray(answer)) throw new Error("the builder of bundles answered something else");
    const bundles = answer.map(toBundleFacts);
    const version = bundles[0]?.version ?? "";
    logger.info({ version, platforms: bundles.map(({ platform }) => platform) }, "the agent's bundle is ready");
    return { version, bundles };
  }

  /** Somebody emptied the folder, or a farm of many versions made room. */
  async function isGone(built: Promise<CurrentBundles>): Promise<boolean> {
    if (clock.monotonicMs() - begunAtMs < TRY_AGAIN_MS) return false;
    const { bundles } = await built;
    const there = await Promise.all(bundles.map((bundle) => isBundleThere(dir, bundle)));
    return there.includes(false);
  }

  return {
    dir,
    async current() {
      const before = building;
      // of all who find it gone at once, one builds
      if (before !== undefined && againAtMs === Number.POSITIVE_INFINITY) {
        const hasGone = await isGone(before).catch(() => false);
        if (hasGone && building === before) building = undefined;
      }
      if (building === undefined || clock.monotonicMs() > againAtMs) {
        againAtMs = Number.POSITIVE_INFINITY;
        begunAtMs = clock.monotonicMs();
        building = build();
        building.catch((error: unknown) => {
          againAtMs = clock.monotonicMs() + TRY_AGAIN_MS;
          logger.warn({ err: error }, "the agent's bundle could not be built");
        });
      }
      try {
        return await building;
      } catch (cause) {
        throw new Refusal("not_found", "this controller has no agent to hand out: its bundle could not be built", {
          hint: "the controller's log says why; on machines with a checkout `windrow agent join` works without",
          cause,
        });
      }
    },
    find: (platform, version) => readBundleFacts(dir, { platform, version }),
  };
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch (error) {
    // it is over already
    if (!hasCode(error, "ESRCH") && !hasCode(error, "ERR_SYSTEM_ERROR")) throw error;
  }
}
