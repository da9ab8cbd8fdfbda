import { CONTROLLER_NAME, type IssuedPair, isLoopbackAddress } from "@windrow/certificates";
import type { Clock, Logger } from "@windrow/service";
import type { NatsTls } from "@windrow/wire";
import type { ControllerConfig } from "../config.ts";
import { type FarmCertificates, openFarmCertificates } from "./farm-certificates.ts";

/** The certificates of a controller that is to speak TLS; one that others reach in the clear says so in its log. */
export async function openCertificates(deps: {
  readonly config: ControllerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<FarmCertificates | undefined> {
  const { clock, logger } = deps;
  const { tls, listen, publicUrl } = deps.config;
  if (tls !== undefined) {
    return openFarmCertificates({
      ...{ tls, listenAddress: listen, clock, logger },
      ...(publicUrl !== undefined && { publicUrl }),
    });
  }
  if (!isLoopbackAddress(listen)) {
    logger.warn({ listen }, "traffic is not encrypted: set WINDROW_TLS_PORT, or keep the network private");
  }
  return undefined;
}

/** The farm's nats-server shows a certificate of the farm's authority; one without TLS is on a network of its own. */
export function natsTlsOf(
  config: ControllerConfig,
  certificates: FarmCertificates | undefined,
): { readonly tls?: NatsTls } {
  if (certificates === undefined || !config.nats?.urls.some((url) => url.startsWith("tls://"))) return {};
  return { tls: { ca: certificates.authority.cert, servername: CONTROLLER_NAME } };
}

export function toBuffers({ cert, key }: IssuedPair): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: Buffer.from(cert), key: Buffer.from(key) };
}
