import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NODE_FLAGS } from "@windrow/service";
import type { Ask } from "./fixtures/agent-host.ts";

export const INTERNET = "203.0.113.10";
export const FARM = "198.51.100.5";
export const METADATA = "169.254.169.254";
export const AGENT_ADDRESS = "198.51.100.2";
export const LAN = "172.31.9.9";
export const AGENT_PORT = 9_099;
const NAME_SERVER = "198.51.100.1";
const NAMES = { "site.test": INTERNET, "farm.test": FARM, "lan.test": LAN, "metadata.test": METADATA };

/** An agent's process in the lab. */
export interface LabAgent {
  readonly gatewayPort: number;
  readonly servicePort: number;
  /** A number or text, as the process answers. */
  ask(ask: Ask): Promise<unknown>;
  /** Output of a script in the job's sandbox. */
  run(job: string, script: string): Promise<string>;
  stop(): Promise<void>;
  /** SIGKILL, to this process alone. */
  kill(): Promise<void>;
}

/** A machine with agents, and all the rest of the world, each in a network namespace of its own. */
export interface NetworkLab {
  readonly dir: string;
  /** Words before a command that is to run on the agent's machine. */
  readonly enter: readonly string[];
  /** What such a command wrote. */
  onMachine(...command: string[]): string;
  /** The same of one that runs everywhere else. */
  outside(...command: string[]): string;
  /** `name` is to be its own; with `stub` its name server is one of its loopback. */
  startAgent(name: string, options?: { readonly stub?: boolean }): Promise<LabAgent>;
  stop(): Promise<void>;
}

/** Why there is no lab here, or undefined when there is. */
export function whyNoLab(): string | undefined {
  if (process.getuid?.() !== 0) return "networks of jobs need root";
  try {
    for (const command of [
      ["bwrap", "--version"],
      ["iptables", "--version"],
      ["ip", "-V"],
      ["openssl", "version"],
    ]) {
      execFileSync(command[0] ?? "", command.slice(1), { stdio: "ignore" });
    }
    return undefined;
  } catch (error) {
    return `networks of jobs cannot be tried here: ${error instanceof Error ? error.message : error}`;
  }
}

/** `machine`: words that enter a network namespace made by somebody else, for the agent's machine. */
export async function startLab(machine?: readonly string[]): Promise<NetworkLab> {
  const dir = mkdtempSync(join(tmpdir(), "windrow-lab-"));
  execFileSync("chmod", ["711", dir]);
  const id = `wrl${process.pid % 100_000}`;
  const removals: (() => void)[] = [];
  const addNamespace = (name: string) => {
    execFileSync("ip", ["netns", "add", name]);
    removals.push(() => execFileSync("ip", ["netns", "del", name]));
    return ["nsenter", `--net=/run/netns/${name}`, "--"];
  };
  const outside = addNamespace(`${id}out`);
  const enter = machine ?? addNamespace(`${id}box`);
  const run = (where: readonly string[], ...command: string[]): string => {
    const [program = "", ...args] = [...where, ...command];
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  };
  connectMachines(run, outside, enter, id);
  mkdirSync(join(dir, "www"));
  writeFileSync(join(dir, "www", "hello"), "hello from outside\n");
  const children: ChildProcess[] = [];
  const outsideProcess = startProcess(outside, "outside.ts", {
    ...{ DIR: dir, INTERNET, FARM, METADATA, NAME_SERVER, LAN, NAMES: JSON.stringify(NAMES) },
  });
  children.push(outsideProcess);
  await firstMessage(outsideProcess);
  mkdirSync(join(dir, "readable"), { mode: 0o755 });
  execFileSync("cp", [join(dir, "cert.pem"), join(dir, "readable")]);

  return {
    dir,
    enter,
    onMachine: (...command) => run(enter, ...command),
    outside: (...command) => run(outside, ...command),
    async startAgent(name, { stub = false } = {}) {
      const resolvers = join(dir, `resolv-${name}`);
      writeFileSync(resolvers, `nameserver ${stub ? "127.0.0.53" : NAME_SERVER}\n`, { mode: 0o644 });
      const mount = ["unshare", "-m", "sh", "-c", `mount --bind ${resolvers} /etc/resolv.conf && exec "$@"`, "sh"];
      const child = startProcess([...enter, ...mount], "agent-host.ts", {
        ...{ DIR: dir, FARM, NAME: name, AGENT_PORT: String(AGENT_PORT + name.length) },
        ...(stub && { STUB: NAME_SERVER }),
      });
      children.push(child);
      return connectAgent(child, await firstMessage(child));
    },
    async stop() {
      for (const child of children) {
        if (child.exitCode === null && child.signalCode === null) {
          child.kill("SIGKILL");
          await once(child, "exit");
        }
      }
      for (const remove of removals) remove();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

type Run = (where: readonly string[], ...command: string[]) => string;

function connectMachines(run: Run, outside: readonly string[], machine: readonly string[], id: string): void {
  run(machine, "ip", "link", "set", "lo", "up");
  run(outside, "ip", "link", "set", "lo", "up");
  run(machine, "ip", "link", "add", `${id}v`, "type", "veth", "peer", "name", "eth0", "netns", `${id}out`);
  run(machine, "ip", "link", "set", `${id}v`, "name", "eth0");
  for (const address of [NAME_SERVER, FARM]) run(outside, "ip", "addr", "add", `${address}/24`, "dev", "eth0");
  for (const address of [INTERNET, METADATA, LAN]) run(outside, "ip", "addr", "add", `${address}/32`, "dev", "lo");
  run(outside, "ip", "link", "set", "eth0", "up");
  run(machine, "ip", "addr", "add", `${AGENT_ADDRESS}/24`, "dev", "eth0");
  run(machine, "ip", "link", "set", "eth0", "up");
  run(machine, "ip", "route", "add", "default", "via", NAME_SERVER);
}

function startProcess(enter: readonly string[], file: string, env: Record<string, string>): ChildProcess {
  const path = fileURLToPath(new URL(`fixtures/${file}`, import.meta.url));
  const [program = "", ...args] = [...enter, process.execPath, ...NODE_FLAGS, "--import", "tsx", path];
  return spawn(program, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
  });
}

async function firstMessage(child: ChildProcess): Promise<unknown> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`a process of the lab ended with ${code}`);
  });
  ended.catch(() => undefined);
  const [message]: unknown[] = await Promise.race([once(child, "message"), ended]);
  return message;
}

function connectAgent(child: ChildProcess, hello: unknown): LabAgent {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastNo = 0;
  child.once("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the agent's process ended with ${code}`));
  });
  child.on("message", (message) => {
    const waiter = waiting.get(Number(read(message, "no")));
    const problem = read(message, "problem");
    if (typeof problem === "string") waiter?.reject(new Error(problem));
    else waiter?.resolve(read(message, "value"));
  });
  const ask = (what: Ask): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const no = ++lastNo;
      waiting.set(no, { resolve, reject });
      child.send({ no, ask: what });
    });
  const ready = read(hello, "ready");
  return {
    gatewayPort: Number(read(ready, "gatewayPort")),
    servicePort: Number(read(ready, "servicePort")),
    ask,
    run: async (job, script) => String(await ask({ what: "run", job, script })),
    async stop() {
      await ask({ what: "stop" });
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

function read(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
