import { spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { endProcess, watchEnd } from "@windrow/embedded";
import { type Clock, hasCode, NODE_FLAGS } from "@windrow/service";
import { CliError } from "../cli-error.ts";
import type { DataFolder } from "./data-folder.ts";
import type { RunningPart } from "./farm-part.ts";
import { encodeIdentity, identifyProcess } from "./process-identity.ts";

export interface NodeProcessOptions {
  readonly name: string;
  /** Module that is the process: "@windrow/controller/main", or a file's URL. */
  readonly entry: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: DataFolder;
  readonly clock: Clock;
  /** How long it may take to end by itself once asked. */
  readonly stopGraceMs: number;
  /** Resolves true when the process can do its work; asked again and again. */
  readonly isReady: () => Promise<boolean>;
  readonly readyWithinMs: number;
  /** Aborts when the farm stops: a start that is under way is given up. */
  readonly stopping: AbortSignal;
}

const LOOK_EVERY_MS = 25;
const LOG_BYTES_MAX = 16 * 1024 * 1024;
const LOG_TAIL_LINES = 5;
const KILL_GRACE_MS = 5_000;

/**
 * Starts a controller or agent as a process of its own session, so that a Ctrl-C at the terminal reaches only us. Its
 * output goes straight to a file: it neither blocks on us nor dies with us. Errors: CliError `start_failed`, or `interrupted`
 * when the farm stops meanwhile.
 */
export async function startNodeProcess(options: NodeProcessOptions): Promise<RunningPart> {
  const { name, folder, clock } = options;
  const logFile = path.join(folder.logs, `${name}.log`);
  const pidFile = path.join(folder.run, `${name}.pid`);
  const { pid, logStart } = spawnNode(options, logFile);
  const identity = identifyProcess(pid);
  if (identity !== undefined) writeFileSync(pidFile, encodeIdentity(identity));
  const ended = watchEnd(pid);

  let stopped: Promise<void> | undefined;
  const stop = (hurry: AbortSignal) => {
    stopped ??= (async () => {
      await endNode({ pid, graceMs: options.stopGraceMs, hurry, clock, name });
      rmSync(pidFile, { force: true });
    })();
    return stopped;
  };

  const until = clock.monotonicMs() + options.readyWithinMs;
  while (!(await options.isReady())) {
    const isAlive = identifyProcess(pid) !== undefined;
    const isLate = clock.monotonicMs() > until;
    if (isAlive && !isLate && !options.stopping.aborted) {
      await clock.sleep(LOOK_EVERY_MS, options.stopping);
      continue;
    }
    await stop(AbortSignal.abort());
    if (options.stopping.aborted) throw new CliError(`the start of ${name} was given up`, { code: "interrupted" });
    const why = isAlive ? `is not ready after ${options.readyWithinMs / 1000} s` : "ended while it started";
    throw new CliError(`${name} ${why}: ${readTail(logFile, logStart)}`, {
      code: "start_failed",
      hint: `Its log: ${logFile}`,
    });
  }
  return { pid, ended, stop };
}

/** `logStart` is where in the log file the new process's output begins. */
function spawnNode(options: NodeProcessOptions, logFile: string): { readonly pid: number; readonly logStart: number } {
  rotate(logFile);
  const log = openSync(logFile, "a", 0o600);
  const logStart = fstatSync(log).size;
  try {
    const child = spawn(process.execPath, [...NODE_FLAGS, "--import", findLoader(), findEntry(options.entry)], {
      cwd: "/",
      env: options.environment,
      detached: true,
      stdio: ["ignore", log, log],
    });
    // A failed start also shows as a missing pid, which is reported below.
    child.on("error", () => undefined);
    child.unref();
    if (child.pid !== undefined) return { pid: child.pid, logStart };
    throw new CliError(`${options.name} could not be started with ${process.execPath}`, { code: "start_failed" });
  } finally {
    closeSync(log);
  }
}

/** Both by file, because the process starts in a folder from which no package can be found. */
function findLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
}

function findEntry(entry: string): string {
  return fileURLToPath(entry.startsWith("file:") ? entry : import.meta.resolve(entry));
}

async function endNode(options: {
  readonly pid: number;
  readonly graceMs: number;
  readonly hurry: AbortSignal;
  readonly clock: Clock;
  readonly name: string;
}): Promise<void> {
  const { pid, hurry, clock } = options;
  const patient = endProcess(pid, [{ signal: "SIGTERM", graceMs: options.graceMs }], clock);
  const hurried = new Promise<false>((resolve) => {
    if (hurry.aborted) resolve(false);
    hurry.addEventListener("abort", () => resolve(false), { once: true });
  });
  if (await Promise.race([patient, hurried])) return;
  if (await endProcess(pid, [{ signal: "SIGKILL", graceMs: KILL_GRACE_MS }], clock)) return;
  throw new CliError(`${options.name} (process ${pid}) does not end`, { code: "stop_failed" });
}

function rotate(logFile: string): void {
  try {
    if (statSync(logFile).size > LOG_BYTES_MAX) renameSync(logFile, `${logFile}.1`);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

function readTail(logFile: string, logStart: number): string {
  const text = readFileSync(logFile).subarray(logStart).toString("utf8").trimEnd();
  return text === "" ? "it said nothing" : text.split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
