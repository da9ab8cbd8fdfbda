import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Logger } from "@windrow/service";
import { EmbeddedError } from "../embedded-error.ts";
import { signalProcess, waitForEnd } from "../process/end-process.ts";
import { findProcessesIn, isProcessAlive, readCommandLine } from "../process/process-facts.ts";
import { type PostmasterFile, readPostmasterFile } from "./postmaster-file.ts";

/** Backends notice at once that their postmaster died; one that is busy gets this long before it is killed. */
const BACKEND_GRACE_MS = 3_000;
const BACKEND_KILL_MS = 5_000;

/**
 * Looks at what the last start left in `dataDir`. Answers the postmaster that still runs there, to be adopted; otherwise
 * ends backends that outlived their postmaster and only then removes a stale `postmaster.pid` (removing it while they live
 * would defeat Postgres's own guard against two servers on one folder). Throws `state_damaged` when they cannot be ended.
 */
export async function clearUncleanDeath(options: {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<PostmasterFile | undefined> {
  const { dataDir, clock, logger } = options;
  const file = readPostmasterFile(dataDir);
  if (file === undefined) return undefined;
  if (isOurPostmaster(file.pid, dataDir)) return file;
  for (const pid of findProcessesIn(dataDir)) {
    if (await waitForEnd(pid, BACKEND_GRACE_MS, clock)) continue;
    logger.warn({ pid }, "ending a database process that outlived its server");
    if (!signalProcess(pid, "SIGKILL")) continue;
    if (!(await waitForEnd(pid, BACKEND_KILL_MS, clock))) {
      throw new EmbeddedError(
        "state_damaged",
        `Process ${pid} still uses the database folder ${dataDir}: end it first.`,
      );
    }
  }
  logger.warn({ pid: file.pid }, "the database server died without a shutdown: removing its stale postmaster.pid");
  rmSync(join(dataDir, "postmaster.pid"), { force: true });
  return undefined;
}

/** True when the process is a Postgres server that was started on this very folder. */
export function isOurPostmaster(pid: number, dataDir: string): boolean {
  if (!isProcessAlive(pid)) return false;
  const args = readCommandLine(pid);
  return args?.some((arg) => arg.endsWith("postgres")) === true && args.includes(dataDir);
}
