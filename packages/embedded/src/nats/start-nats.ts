import { spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { type Clock, hasCode, type Logger, systemClock } from "@windrow/service";
import { readEmbeddedPlaces } from "../config.ts";
import { EmbeddedError } from "../embedded-error.ts";
import { endProcess } from "../process/end-process.ts";
import { isProcessAlive, readCommandLine } from "../process/process-facts.ts";
import { watchEnd } from "../process/watch-end.ts";
import { requireFreePort } from "../require-free-port.ts";
import { findNatsServer } from "./find-nats-server.ts";
import { ensureNatsKeys, type NatsKeys } from "./nats-keys.ts";
import { renderNatsSettings } from "./nats-settings.ts";
import { readServerName } from "./read-server-name.ts";
import { writeFirstAccounts } from "./write-first-accounts.ts";

export interface StartNatsOptions {
  /** Folder of this server: keys, configuration, account JWTs, pid file and log live below it. Made when missing. */
  readonly dataDir: string;
  readonly port: number;
  /** "127.0.0.1" when not given. */
  readonly listenAddress?: string;
  /** PEM file with certificate, chain and key; connections are plain without it. */
  readonly tlsFile?: string;
  readonly logger: Logger;
  /** The nats-server to run; searched and fetched when not given. */
  readonly binary?: string;
  readonly clock?: Clock;
  /** Told, in a sentence for people, of what takes long: fetching the program the first time. */
  readonly onProgress?: (sentence: string) => void;
}

export interface RunningNats {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly keys: NatsKeys;
  /** The file that holds `keys`, mode 600. */
  readonly keysFile: string;
  /** True when the server was already running, left by a start that died. */
  readonly isAdopted: boolean;
  /** Reads configuration and certificate again; connections that are open go on. */
  reload(): void;
  /** Resolves when the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Idempotent; complete when it resolves. */
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 15;
const LOG_BYTES_MAX = 16 * 1024 * 1024;
const STOP_STEPS = [
  { signal: "SIGTERM", graceMs: 10_000 },
  { signal: "SIGKILL", graceMs: 5_000 },
] as const;

/**
 * Starts the machine's own nats-server as a detached child, or adopts the one that a start which died left running with
 * the same configuration (one with another configuration is ended). Throws `EmbeddedError`; the message is for people.
 */
export async function startNats(options: StartNatsOptions): Promise<RunningNats> {
  const { port, logger } = options;
  const clock = options.clock ?? systemClock;
  const listenAddress = options.listenAddress ?? "127.0.0.1";
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  chmodSync(options.dataDir, 0o700);
  const dataDir = realpathSync(options.dataDir);
  const files = {
    keys: join(dataDir, "keys.json"),
    settings: join(dataDir, "nats.conf"),
    pid: join(dataDir, "nats.pid"),
    log: join(dataDir, "nats.log"),
  };
  const keys = await ensureNatsKeys(files.keys);
  const resolverDir = join(dataDir, "accounts");
  mkdirSync(resolverDir, { recursive: true, mode: 0o700 });
  writeFirstAccounts(resolverDir, keys);
  const host = isIPv6(listenAddress) ? `[${listenAddress}]` : listenAddress;
  const tls = options.tlsFile === undefined ? {} : { tlsFile: options.tlsFile };
  const settings = renderNatsSettings({ keys, listenAddress: host, port, resolverDir, pidFile: files.pid, ...tls });

  const orphan = readOrphan(files.pid, files.settings);
  const isAdopted = orphan !== undefined && readIfThere(files.settings) === settings;
  if (orphan !== undefined && !isAdopted) {
    logger.warn({ pid: orphan }, "ending a nats-server that was left running with another configuration");
    await end(orphan, clock);
  }
  if (!isAdopted) {
    await requireFreePort({ port, listenAddress, purpose: "NATS (--nats-port)" });
    writeFileSync(files.settings, settings, { mode: 0o600 });
    rmSync(files.pid, { force: true });
  }
  const serverPid = isAdopted ? orphan : await launch();
  await waitUntilReady({
    pid: serverPid,
    port,
    host: reachable(listenAddress).replace(/^\[|\]$/g, ""),
    keys,
    logFile: files.log,
    clock,
  });
  logger.info({ pid: serverPid, port, isAdopted }, "nats-server is ready");

  async function launch(): Promise<number> {
    const binary = options.binary ?? (await findNatsServer(readEmbeddedPlaces(process.env), (line) => tell(line)));
    return spawnServer({ binary, settingsFile: files.settings, logFile: files.log });
  }

  function tell(line: string): void {
    logger.info(line);
    options.onProgress?.(line);
  }

  let stopping: Promise<void> | undefined;
  return {
    url: `${options.tlsFile === undefined ? "nats" : "tls"}://${reachable(listenAddress)}:${port}`,
    port,
    pid: serverPid,
    keys,
    keysFile: files.keys,
    isAdopted,
    reload() {
      if (isOurs(serverPid, files.settings)) process.kill(serverPid, "SIGHUP");
    },
    ended: watchEnd(serverPid),
    stop() {
      stopping ??= isOurs(serverPid, files.settings) ? end(serverPid, clock) : Promise.resolve();
      return stopping;
    },
  };
}

/** An address that means "every address" is no one to connect to. */
function reachable(listenAddress: string): string {
  if (listenAddress === "0.0.0.0") return "127.0.0.1";
  if (listenAddress === "::") return "[::1]";
  return isIPv6(listenAddress) ? `[${listenAddress}]` : listenAddress;
}

function readOrphan(pidFile: string, settingsFile: string): number | undefined {
  const pid = Number(readIfThere(pidFile));
  return Number.isSafeInteger(pid) && pid > 0 && isOurs(pid, settingsFile) ? pid : undefined;
}

/** True when the process is alive and was started with our configuration file. */
function isOurs(pid: number, settingsFile: string): boolean {
  return isProcessAlive(pid) && readCommandLine(pid)?.includes(settingsFile) === true;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

async function end(pid: number, clock: Clock): Promise<void> {
  if (await endProcess(pid, STOP_STEPS, clock)) return;
  throw new EmbeddedError("stop_failed", `nats-server (process ${pid}) does not end.`);
}

function spawnServer(options: {
  readonly binary: string;
  readonly settingsFile: string;
  readonly logFile: string;
}): number {
  const log = openSync(options.logFile, "a", 0o600);
  try {
    if (statSync(options.logFile).size > LOG_BYTES_MAX) truncateSync(options.logFile);
    const child = spawn(options.binary, ["-c", options.settingsFile], {
      cwd: "/",
      env: {},
      detached: true,
      stdio: ["ignore", log, log],
    });
    // A failed start also shows as a missing pid, which is reported below.
    child.on("error", () => undefined);
    child.unref();
    if (child.pid === undefined) {
      throw new EmbeddedError("start_failed", `nats-server could not be started from ${options.binary}.`);
    }
    return child.pid;
  } finally {
    closeSync(log);
  }
}

async function waitUntilReady(options: {
  readonly pid: number;
  readonly port: number;
  readonly host: string;
  readonly keys: NatsKeys;
  readonly logFile: string;
  readonly clock: Clock;
}): Promise<void> {
  const { pid, clock } = options;
  const until = clock.monotonicMs() + READY_WITHIN_MS;
  while (clock.monotonicMs() < until && isProcessAlive(pid)) {
    if ((await readServerName(options.port, options.host)) === options.keys.serverName) return;
    await clock.sleep(LOOK_EVERY_MS);
  }
  if (isProcessAlive(pid)) await end(pid, clock);
  const said = (readIfThere(options.logFile) ?? "").trim().split("\n").slice(-3).join(" ");
  throw new EmbeddedError("start_failed", `nats-server did not start on port ${options.port}: ${said}`);
}
