import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { NODE_FLAGS } from "@windrow/service";

export interface ChildOptions {
  readonly name: string;
  /** Module specifier of the process's entry, for example `@windrow/controller/main`. */
  readonly entry: string;
  readonly env: Record<string, string>;
  readonly logFile: string;
  /** A network namespace of this machine to run it in. */
  readonly namespace?: string;
  /** Words before the command, which they must become: process number and signals are then the process's own. */
  readonly within?: readonly string[];
  /** Words for Node itself, before the entry. */
  readonly nodeArgs?: readonly string[];
  /** Where the test writes the failpoint that is to strike, see failpoints.ts. */
  readonly failpointFile: string;
}

/** A controller or agent as a real process of its own group. */
export interface Child {
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** The first JSON line on stdout with this `msg`. */
  line(msg: string): Promise<Record<string, unknown>>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL to this process only, and waits for its end. */
  kill(): Promise<void>;
  /** SIGTERM, waits; SIGKILL when it takes too long, which is an error. */
  stop(): Promise<void>;
}

const ENTRIES: Record<string, string> = {
  "@windrow/controller/main": "../../packages/controller/src/main.ts",
  "@windrow/agent/main": "../../packages/agent/src/main.ts",
};
const STOP_WITHIN_MS = 30_000;

export function startChild(options: ChildOptions): Child {
  const file = ENTRIES[options.entry];
  if (file === undefined) throw new Error(`no entry ${options.entry}`);
  mkdirSync(dirname(options.logFile), { recursive: true });
  const imports = [
    ...NODE_FLAGS,
    ...(options.nodeArgs ?? []),
    "--import",
    "tsx",
    "--import",
    new URL("./failpoints.ts", import.meta.url).href,
  ];
  const command = [process.execPath, ...imports, fileURLToPath(new URL(file, import.meta.url))];
  // `ip netns exec` becomes the process itself, so pid and signals are the process's own
  if (options.namespace !== undefined) command.unshift("ip", "netns", "exec", options.namespace);
  command.unshift(...(options.within ?? []));
  const [executable = "", ...args] = command;
  const process_: ChildProcess = spawn(executable, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "/",
      LANG: "C.UTF-8",
      FAILPOINT_FILE: options.failpointFile,
      ...options.env,
    },
  });
  const { pid, stdout, stderr } = process_;
  if (pid === undefined || stdout === null || stderr === null) throw new Error(`${options.name} could not be started`);
  const log = createWriteStream(options.logFile, { flags: "a" });
  stderr.pipe(log, { end: false });

  const lines: Record<string, unknown>[] = [];
  let waiting: { msg: string; resolve: (line: Record<string, unknown>) => void }[] = [];
  createInterface({ input: stdout }).on("line", (text) => {
    appendFileSync(options.logFile, `${text}\n`);
    const line = parseLine(text);
    lines.push(line);
    for (const waiter of waiting.filter((one) => one.msg === line.msg)) waiter.resolve(line);
    waiting = waiting.filter((one) => one.msg !== line.msg);
  });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    process_.once("exit", (code, signal) => resolve({ code, signal }));
  });

  const send = (signal: NodeJS.Signals) => {
    if (process_.exitCode === null && process_.signalCode === null) process.kill(pid, signal);
  };
  return {
    pid,
    logFile: options.logFile,
    exited,
    line(msg) {
      const seen = lines.find((line) => line.msg === msg);
      if (seen !== undefined) return Promise.resolve(seen);
      const wanted = new Promise<Record<string, unknown>>((resolve) => waiting.push({ msg, resolve }));
      const ended = exited.then(({ code, signal }) => {
        throw new Error(`${options.name} ended (${signal ?? code}) before it said "${msg}"; see ${options.logFile}`);
      });
      ended.catch(() => undefined);
      return Promise.race([wanted, ended]);
    },
    signal: send,
    async kill() {
      send("SIGKILL");
      await exited;
    },
    async stop() {
      send("SIGTERM");
      let tooLong = false;
      const timer = setTimeout(() => {
        tooLong = true;
        send("SIGKILL");
      }, STOP_WITHIN_MS);
      await exited;
      clearTimeout(timer);
      log.end();
      if (tooLong) throw new Error(`${options.name} did not stop within ${STOP_WITHIN_MS} ms; see ${options.logFile}`);
    },
  };
}

function parseLine(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : { msg: text };
  } catch (error) {
    if (error instanceof SyntaxError) return { msg: text };
    throw error;
  }
}
