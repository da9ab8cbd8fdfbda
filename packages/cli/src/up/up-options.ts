import { isIP } from "node:net";
import { availableParallelism, hostname } from "node:os";
import path from "node:path";
import { isEveryAddress, isLoopbackAddress, ownAddresses } from "@windrow/certificates";
import { usageError } from "../cli-error.ts";
import { type PartFlags, type PartSettings, readPartSettings } from "./part-settings.ts";

/** The flags of `windrow up` as commander gives them. */
export interface UpFlags extends PartFlags {
  readonly data?: string;
  readonly port?: string;
  readonly grpcPort?: string;
  readonly natsPort?: string;
  readonly tlsPort?: string;
  readonly listen?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly publicUrl?: string;
  readonly agents?: string;
  readonly slots?: string;
  /** False for `--no-sample`. */
  readonly sample?: boolean;
  readonly json?: boolean;
}

/** What `windrow up` does, with every default filled in. */
export interface UpOptions {
  readonly dataDir: string;
  readonly listenAddress: string;
  readonly port: number;
  readonly grpcPort: number;
  readonly natsPort: number;
  readonly tlsPort: number;
  /** True when a taken TLS port ends the start: it was asked for, or other machines are to reach the farm. */
  readonly needsTls: boolean;
  /** Shown to people instead of the farm's own certificate. */
  readonly ownCertificate?: { readonly certFile: string; readonly keyFile: string };
  /** Whether only this machine reaches `listenAddress`. */
  readonly isLoopback: boolean;
  /** Under which agents on other machines find gRPC and NATS; in brackets when it is an IPv6 address. */
  readonly publicHost: string;
  /** How this machine reaches the controller. */
  readonly url: string;
  /** How people and links reach it. */
  readonly publicUrl: string;
  readonly agentsCount: number;
  readonly slotsPerAgent: number;
  readonly settings: PartSettings;
  readonly pushesSample: boolean;
  readonly isJson: boolean;
}

export const UP_DEFAULTS = {
  listen: "127.0.0.1",
  port: 7070,
  grpcPort: 7071,
  natsPort: 7072,
  tlsPort: 7443,
  agents: 2,
} as const;

const AGENTS_MAX = 64;
const SLOTS_MAX = 1_000;

/** Checks the flags and fills in the defaults. Errors: CliError `usage`, with the flag's name. */
export function compileUpOptions(
  flags: UpFlags,
  defaultDataDir: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): UpOptions {
  const listenAddress = flags.listen ?? UP_DEFAULTS.listen;
  if (isIP(listenAddress) === 0) {
    throw usageError(
      `--listen ${listenAddress}: an IP address is wanted`,
      "For every address of this machine: 0.0.0.0",
    );
  }
  const isLoopback = isLoopbackAddress(listenAddress);
  const ownCertificate = readOwnFiles(flags);
  const ports = {
    port: parseCount("--port", flags.port, UP_DEFAULTS.port, 65_535),
    grpcPort: parseCount("--grpc-port", flags.grpcPort, UP_DEFAULTS.grpcPort, 65_535),
    natsPort: parseCount("--nats-port", flags.natsPort, UP_DEFAULTS.natsPort, 65_535),
    tlsPort: parseCount("--tls-port", flags.tlsPort, UP_DEFAULTS.tlsPort, 65_535),
  };
  if (new Set(Object.values(ports)).size < Object.values(ports).length) {
    throw usageError(`the ports must differ: ${Object.values(ports).join(", ")}`);
  }
  const agentsCount = parseCount("--agents", flags.agents, UP_DEFAULTS.agents, AGENTS_MAX, 0);
  const slotsDefault = Math.max(1, Math.floor(availableParallelism() / Math.max(1, agentsCount)));
  // plain HTTP is for this machine alone, whatever else is listened on
  const url = `http://${UP_DEFAULTS.listen}:${ports.port}`;
  const givenUrl = parseUrl(flags.publicUrl);
  const publicHost = findPublicHost(listenAddress, givenUrl);
  return {
    dataDir: path.resolve(flags.data ?? defaultDataDir),
    listenAddress,
    ...ports,
    needsTls: !isLoopback || flags.tlsPort !== undefined || ownCertificate !== undefined,
    ...(ownCertificate !== undefined && { ownCertificate }),
    isLoopback,
    publicHost,
    url,
    publicUrl: givenUrl ?? (isLoopback ? url : `https://${publicHost}:${ports.tlsPort}`),
    agentsCount,
    slotsPerAgent: parseCount("--slots", flags.slots, slotsDefault, SLOTS_MAX),
    settings: readPartSettings(flags, environment, "."),
    pushesSample: flags.sample !== false,
    isJson: flags.json === true,
  };
}

function readOwnFiles(flags: UpFlags): UpOptions["ownCertificate"] {
  const { tlsCert, tlsKey } = flags;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) throw usageError("--tls-cert and --tls-key belong together");
  return { certFile: path.resolve(tlsCert), keyFile: path.resolve(tlsKey) };
}

/** An address that means "every address" leads nowhere from elsewhere: the machine's first one does. */
function findPublicHost(listenAddress: string, publicUrl: string | undefined): string {
  if (publicUrl !== undefined && !isLoopbackAddress(listenAddress)) return new URL(publicUrl).hostname;
  const address = isEveryAddress(listenAddress) ? (ownAddresses()[0] ?? hostname()) : listenAddress;
  return isIP(address) === 6 ? `[${address}]` : address;
}

function parseCount(flag: string, text: string | undefined, byDefault: number, max: number, min = 1): number {
  if (text === undefined) return byDefault;
  const count = /^[0-9]{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= min && count <= max)) throw usageError(`${flag} ${text}: a number from ${min} to ${max} is wanted`);
  return count;
}

function parseUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.search !== "" || url.hash !== "") {
    throw usageError(`--public-url ${text}: an address such as https://farm.example.org is wanted`);
  }
  return text.replace(/\/+$/, "");
}
