import { hostname, networkInterfaces } from "node:os";
import { CONTROLLER_NAME } from "./controller-name.ts";

const EVERY_ADDRESS = new Set(["0.0.0.0", "::"]);
const ADDRESSES_MAX = 100;

/** The names and addresses by which a server here may be asked for. */
export function serverNames(options: { readonly listenAddress: string; readonly publicUrl?: string }): string[] {
  const { listenAddress, publicUrl } = options;
  const fromUrl = publicUrl === undefined ? undefined : URL.parse(publicUrl)?.hostname.replace(/^\[|\]$/g, "");
  const names = new Set([CONTROLLER_NAME, "localhost", "127.0.0.1", hostname(), ...(fromUrl ? [fromUrl] : [])]);
  if (!EVERY_ADDRESS.has(listenAddress)) names.add(listenAddress);
  else for (const address of ownAddresses()) names.add(address);
  return [...names];
}

/** Whether an address to listen on means every address of the machine. */
export function isEveryAddress(address: string): boolean {
  return EVERY_ADDRESS.has(address);
}

/** Whether nothing but this machine reaches the address. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || address === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(address);
}

/** Addresses of this machine that others may reach, IPv4 first. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((one) => (!one.internal && one.scopeid === undefined) || (one.scopeid === 0 && !one.internal))
    .sort((a, b) => a.family.localeCompare(b.family))
    .map((one) => one.address)
    .slice(0, ADDRESSES_MAX);
}
