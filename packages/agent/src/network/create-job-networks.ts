import { lookup } from "node:dns/promises";
import type { Server } from "node:net";
import { networkInterfaces } from "node:os";
import {
  BackendFault,
  findNameServers,
  findNetworkTools,
  type InsidePlace,
  JOB_SUBNET_DEFAULT,
  linkJob,
  listenAllInside,
  type NetworkTools,
  networkOf,
  openJobNamespace,
  readInsideAddresses,
  readJobRange,
  unlinkJob,
} from "@windrow/backends";
import type { Clock, Logger } from "@windrow/service";
import type { Gateway } from "../gateway/gateway.ts";
import { createEgressProxy } from "./egress-proxy.ts";
import { createFarmBook } from "./farm-book.ts";
import { compileHostRules } from "./host-rules.ts";
import type { JobNetwork, JobNetworkRequest, JobNetworks } from "./job-network.ts";
import { createJobWalls } from "./job-walls.ts";
import { judgeAddress } from "./judge-address.ts";
import { relayNames } from "./name-relay.ts";
import { proxyVariables } from "./proxy-variables.ts";
import { createRefusalLines } from "./refusal-lines.ts";
import { relayPort } from "./relay-port.ts";

export interface JobNetworksOptions {
  readonly gateway: Pick<Gateway, "port" | "serve">;
  /** Names and addresses of what jobs may not reach: what the farm said last. */
  readonly farmAddresses: () => readonly string[];
  /** For the pool's command in the words that tell people why something was refused; empty while it is not known. */
  readonly poolName?: () => string;
  /** Of all jobs of this machine: the lower half of sandboxed jobs, the upper half of the engine's networks. */
  readonly subnet?: string;
  /** Of this agent alone. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Below those that programs are given when they ask for any, so that a job that outlives its agent has not taken it. */
export const PROXY_PORT = 17_080;

/** Makes networks of jobs; one per agent. */
export async function createJobNetworks(options: JobNetworksOptions): Promise<JobNetworks> {
  const tools = await findNetworkTools();
  if ("problem" in tools) return withoutNetworks(tools.problem);
  return createWithTools(options, tools);
}

function withoutNetworks(problem: string): JobNetworks {
  const fail = async (): Promise<never> => {
    throw new BackendFault("network_failed", problem);
  };
  return { problem, prepareContainers: fail, open: fail, async close() {} };
}

async function createWithTools(options: JobNetworksOptions, tools: NetworkTools): Promise<JobNetworks> {
  const { gateway, farmAddresses, subnet = JOB_SUBNET_DEFAULT, stateDir, clock, logger } = options;
  const range = readJobRange(subnet);
  const farm = createFarmBook({ list: farmAddresses, resolve: resolveAll, clock, logger });
  const walls = await createJobWalls({ tools, range, farm, stateDir, clock, logger });

  async function open(request: JobNetworkRequest): Promise<JobNetwork> {
    const ends: (() => unknown)[] = [];
    try {
      request.signal.throwIfAborted();
      if (request.kind === "container") ends.push(await wallContainers(request));
      else await joinMachine(request, ends);
      request.signal.throwIfAborted();
      const env = await offer(request, ends);
      return { env, close: () => closeAll(ends) };
    } catch (error) {
      // What was to be made is the fault to tell of.
      await closeAll(ends).catch((other: unknown) => logger.warn({ err: other }, "a job's network was left in parts"));
      throw error;
    }
  }

  /** The engine made the network; the wall holds for it from now on as the job's policy says. */
  async function wallContainers({ pid, farmAccess }: JobNetworkRequest): Promise<() => Promise<void>> {
    const namespace = openJobNamespace(pid);
    try {
      const found = (await readInsideAddresses(tools, namespace)).find(({ address }) => range.has(address));
      if (found !== undefined) return await walls.add({ address: networkOf(found.address, found.prefix), farmAccess });
      throw new BackendFault("network_failed", `the engine gave the job no network of ${range.containers}`);
    } finally {
      namespace.close();
    }
  }

  /** The way out of a sandbox and the wall around it; where there is to be none, none of an earlier job either. */
  async function joinMachine({ pid, egress, farmAccess }: JobNetworkRequest, ends: (() => unknown)[]): Promise<void> {
    const namespace = openJobNamespace(pid);
    ends.push(() => namespace.close());
    if (egress.kind !== "all") return unlinkJob(tools, namespace);
    // It stands before anything can go through it.
    if (!walls.isUp()) await walls.raise();
    ends.push(() => unlinkJob(tools, namespace));
    const address = await linkJob(tools, namespace, range);
    ends.push(await walls.add({ address, farmAccess }));
  }

  /** What the job finds on its own loopback. */
  async function offer(request: JobNetworkRequest, ends: (() => unknown)[]): Promise<JobNetwork["env"]> {
    const { pid, kind, egress } = request;
    const isAllow = egress.kind === "allow";
    // Containers ask the engine, which asks for them.
    const names = kind === "sandbox" && egress.kind === "all" ? (await findNameServers()).local : [];
    const ports = [...new Set(request.ports)].filter((port) => port !== gateway.port);
    const tcp = (port: number, address = "127.0.0.1"): InsidePlace => ({ protocol: "tcp", address, port });
    const offers: { readonly place: InsidePlace; readonly lead: (server: Server) => unknown }[] = [
      { place: tcp(gateway.port), lead: (server) => server.on("connection", gateway.serve) },
      ...ports.map((port) => ({ place: tcp(port), lead: (server: Server) => ends.push(relayPort(server, port)) })),
      ...names.map((address) => ({
        place: tcp(53, address),
        lead: (server: Server) => ends.push(relayPort(server, 53, address)),
      })),
      ...(isAllow
        ? [{ place: tcp(PROXY_PORT), lead: (server: Server) => ends.push(startProxy(server, request)) }]
        : []),
    ];
    const { servers, datagrams } = await listenAllInside(pid, [
      ...offers.map(({ place }) => place),
      ...names.map((address): InsidePlace => ({ protocol: "udp", address, port: 53 })),
    ]);
    for (const socket of [...servers, ...datagrams]) ends.push(() => socket.close());
    for (const [at, server] of servers.entries()) offers[at]?.lead(server);
    for (const [at, socket] of datagrams.entries()) ends.push(relayNames(socket, names[at] ?? ""));
    return isAllow ? proxyVariables({ proxyPort: PROXY_PORT, serviceNames: request.serviceNames ?? [] }) : {};
  }

  function startProxy(server: Server, request: JobNetworkRequest): () => void {
    const { egress, farmAccess, attemptId } = request;
    const poolName = options.poolName?.() || "POOL";
    const hosts = egress.kind === "allow" ? egress.hosts : [];
    const tell = createRefusalLines((line) => {
      logger.info({ attempt: attemptId, why: line }, "a connection of a job was refused");
      request.onRefused?.(line);
    });
    let refusedCount = 0;
    const proxy = createEgressProxy({
      hosts: compileHostRules(hosts),
      judge: (address) => judgeAddress(address) ?? (farmAccess ? undefined : judgeOwn(address)),
      resolve: resolveAll,
      advice: `An admin changes what the pool's jobs reach: windrow pool set ${poolName} --egress allow --egress-hosts …`,
      onRefused(why) {
        refusedCount++;
        tell(why);
      },
    });
    server.on("connection", proxy.serve);
    return () => {
      if (refusedCount > 0) logger.info({ attempt: attemptId, count: refusedCount }, "refused connections of a job");
      proxy.close();
    };
  }

  /** The farm and this machine may well have addresses of the internet. */
  function judgeOwn(address: string): string | undefined {
    if (farm.addresses().includes(address)) return "an address of the farm";
    const isOwn = Object.values(networkInterfaces()).some((found) => found?.some((one) => one.address === address));
    return isOwn ? "an address of the agent's machine" : undefined;
  }

  return {
    problem: undefined,
    prepareContainers: walls.raise,
    async open(request) {
      await farm.look();
      return open(request);
    },
    close: walls.stop,
  };
}

async function resolveAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** The last made goes first, each of them whatever became of the others; idempotent. Throws what the first one threw. */
async function closeAll(ends: (() => unknown)[]): Promise<void> {
  const problems: unknown[] = [];
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
    try {
      await end();
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw problems[0];
}
