import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CertificateError, CONTROLLER_NAME, isLoopbackAddress, pinAuthority } from "@windrow/certificates";
import { hasCode } from "@windrow/service";
import type { NatsTls } from "@windrow/wire";
import { ConfigError } from "./config-error.ts";

const HTTPS_PORT = 443;
const SCHEME = "tls://";

/** PEM of the farm's authority, as the agent was told or as it was pinned at joining; undefined when there is none. */
export function loadAuthority(agentDir: string, caFile: string | undefined): string | undefined {
  try {
    return readFileSync(caFile ?? authorityFile(agentDir), "utf8");
  } catch (error) {
    if (caFile === undefined && hasCode(error, "ENOENT")) return undefined;
    if (caFile === undefined) throw error;
    throw new ConfigError(`WINDROW_AGENT_CA_FILE: ${caFile} cannot be read`);
  }
}

/** Whole or not at all, and on the disk before it counts. */
export function storeAuthority(agentDir: string, pem: string): void {
  const path = authorityFile(agentDir);
  const fresh = openSync(`${path}.new`, "w", 0o600);
  writeSync(fresh, pem);
  fsyncSync(fresh);
  closeSync(fresh);
  renameSync(`${path}.new`, path);
}

const authorityFile = (agentDir: string): string => join(agentDir, "ca.pem");

/**
 * The farm's authority from a server of it, by the fingerprint in the join token. Throws ConfigError for a server of
 * another farm, and for an address of another machine where the token would travel in the clear.
 */
export async function pinFarm(address: string, fingerprint: string, signal: AbortSignal): Promise<string | undefined> {
  const url = new URL(address);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol === "http:") {
    if (isLoopbackAddress(host)) return undefined;
    throw new ConfigError(
      `${address} is not encrypted, so the token was not sent: join the farm at its https address (windrow token create --join prints it)`,
    );
  }
  try {
    return await pinAuthority({ host, port: Number(url.port || HTTPS_PORT), fingerprint, signal });
  } catch (error) {
    if (error instanceof CertificateError) throw new ConfigError(error.message);
    throw error;
  }
}

/** A gRPC address as configured, or answered at joining, taken apart. Throws ConfigError when it needs an authority that is not there. */
export function readGrpcAddress(
  address: string,
  authority: string | undefined,
): { readonly address: string; readonly tls?: { readonly ca: Buffer; readonly serverName: string } } {
  if (!address.startsWith(SCHEME)) return { address };
  if (authority === undefined) {
    throw new ConfigError(
      `the farm speaks TLS at ${address}, and this agent does not know its authority: join again with a new token, or set WINDROW_AGENT_CA_FILE`,
    );
  }
  return { address: address.slice(SCHEME.length), tls: { ca: Buffer.from(authority), serverName: CONTROLLER_NAME } };
}

/** How to meet nats-server; a farm whose authority is not known has no encrypted one. */
export function natsTlsFor(urls: readonly string[], authority: string | undefined): NatsTls | undefined {
  if (authority === undefined || !urls.some((url) => url.startsWith(SCHEME))) return undefined;
  return { ca: authority, servername: CONTROLLER_NAME };
}
