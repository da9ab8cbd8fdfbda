import { isIPv6 } from "node:net";
import { isEveryAddress, isLoopbackAddress } from "@windrow/certificates";
import type { ControllerConfig } from "./config.ts";

/** Where plain HTTP is served when there is HTTPS, too. */
export const PLAIN_ADDRESS = "127.0.0.1";

/** How people reach this controller when nobody said. */
export function ownUrl(
  config: ControllerConfig,
  http: { readonly port: number; readonly securePort: number | undefined },
): string {
  const isSecure = http.securePort !== undefined && !isLoopbackAddress(config.listen);
  if (isSecure) return `https://${reachableHost(config)}:${http.securePort}`;
  return `http://${config.tls === undefined ? reachableHost(config) : PLAIN_ADDRESS}:${http.port}`;
}

/** What joining answers: the public gRPC addresses, else this one. */
export function grpcAddresses(config: ControllerConfig, grpc: { readonly port: number }): string {
  return (config.grpcPublicAddress ?? `${reachableHost(config)}:${grpc.port}`)
    .split(",")
    .map((address) => address.trim())
    .join(",");
}

export function bracketed(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

/** Where others reach this machine when nobody said: an address that means "every address" leads nowhere from elsewhere. */
function reachableHost(config: ControllerConfig): string {
  return isEveryAddress(config.listen) ? config.hostname : bracketed(config.listen);
}
