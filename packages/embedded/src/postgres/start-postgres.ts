import { spawn } from "node:child_process";
import {
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Clock, type Logger, systemClock } from "@windrow/service";
import { EmbeddedError } from "../embedded-error.ts";
import { endProcess } from "../process/end-process.ts";
import { isProcessAlive } from "../process/process-facts.ts";
import { watchEnd } from "../process/watch-end.ts";
import { makeSocketDir, removeShortSocketDir, removeStaleSocket } from "./choose-socket-dir.ts";
import { clearUncleanDeath, isOurPostmaster } from "./clear-unclean-death.ts";
import { FARM_DATABASE, FARM_ROLE, initialiseCluster, TOOL_ENV } from "./initialise-cluster.ts";
import { commandAs, findPostgresAccount, type PostgresAccount } from "./postgres-account.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import { HOST_RULES, renderPostgresSettings } from "./postgres-settings.ts";
import { readPostmasterFile } from "./postmaster-file.ts";

export interface StartPostgresOptions {
  /** Folder of this database: cluster, password, socket and log live below it. Made when missing. */
  readonly dataDir: string;
  readonly logger: Logger;
  /** Folder for the unix socket; `dataDir/socket` when not given. */
  readonly socketDir?: string;
  /** At most so many connections; 100 when not given. */
  readonly connectionsMax?: number;
  /** The user that runs Postgres when we are root; "postgres" when not given, made when missing. */
  readonly userName?: string;
  /** Only for tests: nothing is flushed to disk, a power cut loses the database. */
  readonly throwAwayWithoutFsync?: boolean;
  readonly clock?: Clock;
}

export interface PostgresConnection {
  /** Folder of the unix socket, as `pg` wants it. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface RunningPostgres {
  readonly connection: PostgresConnection;
  readonly connectionString: string;
  readonly pid: number;
  /** True when the server was already running, left by a start that died. */
  readonly isAdopted: boolean;
  /** Resolves when the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Fast shutdown: connections are cut, everything committed stays. Idempotent; complete when it resolves. */
  stop(): Promise<void>;
}

/** Crash recovery may replay much; a server that says nothing for this long will not come up. */
const READY_WITHIN_MS = 300_000;
const LOOK_EVERY_MS = 15;
const LOG_BYTES_MAX = 16 * 1024 * 1024;
const STOP_STEPS = [
  { signal: "SIGINT", graceMs: 30_000 },
  { signal: "SIGQUIT", graceMs: 5_000 },
  { signal: "SIGKILL", graceMs: 5_000 },
] as const;

/**
 * Starts the machine's own Postgres as a detached child, or adopts the one that a start which died left running on the
 * same folder. It listens on a private unix socket only. Throws `EmbeddedError`; the message is for people.
 */
export async function startPostgres(options: StartPostgresOptions): Promise<RunningPostgres> {
  const clock = options.clock ?? systemClock;
  mkdirSync(options.dataDir, { recursive: true, mode: 0o711 });
  const dataDir = realpathSync(options.dataDir);
  const cluster = join(dataDir, "data");
  const account = findPostgresAccount(options.userName ?? "postgres");
  const left = readPostmasterFile(cluster)?.socketDir;
  const adopted = await clearUncleanDeath({ dataDir: cluster, clock, logger: options.logger });
  if (adopted === undefined && left !== undefined) removeShortSocketDir(left);
  const isThrowAway = options.throwAwayWithoutFsync === true;
  const binaries = findPostgresBinaries();
  const password = await initialiseCluster({ dataDir, binaries, account, isThrowAway });

  let pid = adopted?.pid;
  if (pid === undefined) {
    const socketDir = makeSocketDir(options.socketDir ?? join(dataDir, "socket"), account);
    removeStaleSocket(socketDir);
    const settings = { socketDir, connectionsMax: options.connectionsMax ?? 100, isThrowAway };
    writeFor(account, join(cluster, "postgresql.conf"), renderPostgresSettings(settings));
    writeFor(account, join(cluster, "pg_hba.conf"), HOST_RULES);
    pid = spawnPostmaster({ binary: binaries.postgres, dataDir, cluster, account });
  }
  const socketDir = await waitUntilReady({ pid, dataDir, cluster, clock });
  options.logger.info({ pid, isAdopted: adopted !== undefined }, "postgres is ready");

  const connection = { host: socketDir, port: 5432, user: FARM_ROLE, password, database: FARM_DATABASE };
  const serverPid = pid;
  const ended = watchEnd(serverPid);
  let stopping: Promise<void> | undefined;
  return {
    connection,
    connectionString: `postgres://${FARM_ROLE}:${password}@/${FARM_DATABASE}?host=${encodeURIComponent(socketDir)}`,
    pid: serverPid,
    isAdopted: adopted !== undefined,
    ended,
    stop() {
      stopping ??= stopPostmaster({ pid: serverPid, cluster, socketDir, clock });
      return stopping;
    },
  };
}

function writeFor(account: PostgresAccount, path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
  if (account.isOther) chownSync(path, account.uid, account.gid);
}

function spawnPostmaster(options: {
  readonly binary: string;
  readonly dataDir: string;
  readonly cluster: string;
  readonly account: PostgresAccount;
}): number {
  const { binary, cluster, account } = options;
  const logFile = logPath(options.dataDir);
  const log = openSync(logFile, "a", 0o600);
  try {
    if (statSync(logFile).size > LOG_BYTES_MAX) truncateSync(logFile);
    const run = commandAs(account, binary, ["-D", cluster], [binary, cluster]);
    const child = spawn(run.command, [...run.args], {
      ...run.options,
      cwd: "/",
      env: TOOL_ENV,
      // Its own session: a Ctrl-C at the terminal must not reach it before the controller is done with it.
      detached: true,
      stdio: ["ignore", log, log],
    });
    // A failed start also shows as a missing pid, which is reported below.
    child.on("error", () => undefined);
    child.unref();
    if (child.pid === undefined)
      throw new EmbeddedError("start_failed", `Postgres could not be started from ${binary}.`);
    return child.pid;
  } finally {
    closeSync(log);
  }
}

/** Waits for the word "ready" in postmaster.pid; answers the socket folder in use. */
async function waitUntilReady(options: {
  readonly pid: number;
  readonly dataDir: string;
  readonly cluster: string;
  readonly clock: Clock;
}): Promise<string> {
  const { pid, clock } = options;
  const until = clock.monotonicMs() + READY_WITHIN_MS;
  while (clock.monotonicMs() < until) {
    const file = readPostmasterFile(options.cluster);
    if (file?.pid === pid && file.isReady && file.socketDir !== undefined) return file.socketDir;
    if (!isProcessAlive(pid)) break;
    await clock.sleep(LOOK_EVERY_MS);
  }
  const said = readFileSync(logPath(options.dataDir), "utf8").trim().split("\n").slice(-4).join(" ");
  throw new EmbeddedError("start_failed", `Postgres did not start on ${options.cluster}: ${said}`);
}

async function stopPostmaster(options: {
  readonly pid: number;
  readonly cluster: string;
  readonly socketDir: string;
  readonly clock: Clock;
}): Promise<void> {
  const { pid, cluster, clock } = options;
  if (isOurPostmaster(pid, cluster) && !(await endProcess(pid, STOP_STEPS, clock))) {
    throw new EmbeddedError("stop_failed", `Postgres (process ${pid}) does not end.`);
  }
  removeShortSocketDir(options.socketDir);
}

function logPath(dataDir: string): string {
  return join(dataDir, "postgres.log");
}
