import { networkInterfaces } from "node:os";
import { isEveryAddress, isLoopbackAddress } from "@windrow/certificates";
import { type Clock, type Logger, type Service, startLoop } from "@windrow/service";
import { type Database, listFarmAddresses } from "@windrow/store";
import type { ControllerConfig } from "./config.ts";

/** Where the farm's own servers are, as all controllers say together. */
export interface FarmAddresses extends Service {
  /** Host names and addresses; as of a few seconds ago. */
  list(): readonly string[];
}

const LOOK_EVERY_MS = 10_000;

export function createFarmAddresses(deps: {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This controller's own, for as long as the others' are not known. */
  readonly own: readonly string[];
}): FarmAddresses {
  const { db, clock, logger, own } = deps;
  let known = own;
  let loop: { stop(): Promise<void> } | undefined;
  return {
    list: () => known,
    async start() {
      loop = startLoop({
        name: "farm addresses",
        everyMs: LOOK_EVERY_MS,
        clock,
        logger,
        async runOnce() {
          known = [...new Set([...own, ...(await listFarmAddresses(db))])].sort();
        },
      });
    },
    stop: async () => loop?.stop(),
  };
}

/** Hosts of what this controller works with and of itself; sockets of this machine and its loopback lead no job here. */
export function ownFarmAddresses(config: ControllerConfig): string[] {
  const hosts = [
    ...databaseHosts(config.databaseUrl),
    ...[...(config.nats?.urls ?? []), ...(config.nats?.publicUrls ?? [])].map(hostOf),
    ...(config.publicUrl === undefined ? [] : [hostOf(config.publicUrl)]),
    ...(config.grpcPublicAddress ?? "").split(",").map(hostOf),
    ...(isEveryAddress(config.listen) ? [config.hostname, ...machineAddresses()] : [config.listen]),
  ];
  return [...new Set(hosts.map((host) => host.toLowerCase()).filter(isElsewhere))].sort();
}

const isElsewhere = (host: string): boolean => host !== "" && host !== "localhost" && !isLoopbackAddress(host);

function databaseHosts(text: string): string[] {
  const url = URL.parse(text);
  if (url === null) return [];
  // a folder is that of a socket
  return [url.hostname, ...url.searchParams.getAll("host")]
    .map((host) => unbracketed(decodeURIComponent(host)))
    .filter((host) => !host.startsWith("/"));
}

/** Of a URL, or of `host:port`. */
function hostOf(text: string): string {
  const trimmed = text.trim();
  const url = URL.parse(trimmed.includes("://") ? trimmed : `tcp://${trimmed}`);
  return unbracketed(url?.hostname ?? "");
}

const unbracketed = (host: string): string => host.replace(/^\[(.*)\]$/, "$1");

function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((found) =>
    (found ?? []).filter((one) => !one.internal && !one.address.startsWith("fe80:")).map((one) => one.address),
  );
}
