import { CONTROLLER_NAME, type IssuedPair, isLoopbackAddress } from "@windrow/certificates";
import type { Clock, Logger } from "@windrow/service";
import type { NatsTls } from "@windrow/wire";
import type { ControllerConfig } from "../config.ts";
import { type FarmCertificates, openFarmCertificates } from "./farm-certificates.ts";

/** The farm's authority and this controller's certificates; one that people reach in the clear says so in its log. */
export async function openCertificates(deps: {
  readonly config: ControllerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<FarmCertificates> {
  const { clock, logger } = deps;
  const { tls, tlsDir, listen, publicUrl } = deps.config;
  if (tls === undefined && !isLoopbackAddress(listen)) {
    logger.warn({ listen }, "HTTP is not encrypted, so no agent of another machine can join: set WINDROW_TLS_PORT");
  }
  return openFarmCertificates({
    ...{ dir: tlsDir, listenAddress: listen, clock, logger },
    ...(tls?.own !== undefined && { own: tls.own }),
    ...(publicUrl !== undefined && { publicUrl }),
  });
}

/** The farm's nats-server shows a certificate of the farm's authority; one without TLS is on a network of its own. */
export function natsTlsOf(config: ControllerConfig, certificates: FarmCertificates): { readonly tls?: NatsTls } {
  if (!config.nats?.urls.some((url) => url.startsWith("tls://"))) return {};
  return { tls: { ca: certificates.authority.cert, servername: CONTROLLER_NAME } };
}

export function toBuffers({ cert, key }: IssuedPair): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: Buffer.from(cert), key: Buffer.from(key) };
}
