import { rm } from "node:fs/promises";
import type { Clock, Logger } from "@windrow/service";
import type { Upgrade } from "@windrow/wire";
import { ArchiveMismatch, type FetchArchiveOptions, fetchArchive } from "./fetch-archive.ts";
import { confirmVersion, draftOf, putInPlace } from "./put-in-place.ts";
import type { Bundle } from "./read-bundle.ts";

/** How this process says that it made room for another version: whoever started it starts that now. */
export const EXIT_UPGRADED = 85;

export interface UpgraderOptions {
  readonly bundle: Bundle;
  readonly controllerUrl: string;
  readonly authority: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The new version is in place: this process is to end with EXIT_UPGRADED. */
  readonly onReplaced: () => void;
}

export interface Upgrader {
  /** Does nothing for the version that runs, and while it is at it. `tellProblem` hears why it could not be done. */
  take(upgrade: Upgrade, tellProblem: (problem: string) => void): void;
  /** The farm has welcomed this process: what it runs is good. */
  welcomed(): void;
}

/** Of all tries together: less than a farm waits for an agent that it told. */
const FETCH_MS_MAX = 240_000;
/** A controller that is just being restarted is back by then. */
const FETCH_PAUSES_MS = [1_000, 5_000, 10_000];
/** A version that failed is not tried again at once: the controller repeats itself every second. */
const TRY_AGAIN_MS = 60_000;

/** Exchanges the installed bundle for another version when the farm asks for it. */
export function createUpgrader(options: UpgraderOptions): Upgrader {
  const { bundle, clock, logger } = options;
  let isBusy = false;
  let failed: { readonly version: string; readonly untilMs: number; readonly problem: string } | undefined;

  async function exchange({ version, files }: Upgrade): Promise<void> {
    const file = files.find(({ platform }) => platform === bundle.platform);
    if (file === undefined) throw new Error(`the farm has no agent ${version} for ${bundle.platform}`);
    if (!/^\d[\w.+-]*$/.test(version)) throw new Error(`'${version}' is no version`);
    const archive = `${draftOf(bundle, version)}.tar.gz`;
    const url = new URL(file.path, options.controllerUrl);
    if (url.origin !== new URL(options.controllerUrl).origin)
      throw new Error(`${file.path} is not a place on the farm`);
    const { authority } = options;
    const { sha256 } = file;
    try {
      await fetchPatiently({ url: url.href, authority, sha256, file: archive });
      await putInPlace(bundle, version, archive);
    } finally {
      await rm(archive, { force: true });
    }
  }

  async function fetchPatiently(fetch: Omit<FetchArchiveOptions, "signal">): Promise<void> {
    const signal = AbortSignal.timeout(FETCH_MS_MAX);
    for (const pauseMs of FETCH_PAUSES_MS) {
      try {
        return await fetchArchive({ ...fetch, signal });
      } catch (error) {
        if (error instanceof ArchiveMismatch) throw error;
        logger.warn({ err: error }, "the new version could not be fetched: trying again");
        await clock.sleep(pauseMs, signal);
      }
    }
    await fetchArchive({ ...fetch, signal });
  }

  return {
    take(upgrade, tellProblem) {
      const { version } = upgrade;
      if (version === bundle.version || isBusy) return;
      if (failed?.version === version && clock.monotonicMs() < failed.untilMs) return tellProblem(failed.problem);
      isBusy = true;
      logger.info({ from: bundle.version, to: version }, "the farm asks for another version");
      exchange(upgrade).then(
        () => {
          logger.info({ version }, "the new version is in place: starting it");
          options.onReplaced();
        },
        (error: unknown) => {
          isBusy = false;
          const problem = error instanceof Error ? error.message : String(error);
          failed = { version, untilMs: clock.monotonicMs() + TRY_AGAIN_MS, problem };
          logger.error({ err: error, version }, "the new version could not be put in place");
          tellProblem(problem);
        },
      );
    },
    welcomed() {
      confirmVersion(bundle).catch((error: unknown) =>
        logger.warn({ err: error }, "the mark of an upgrade could not be removed"),
      );
    },
  };
}
