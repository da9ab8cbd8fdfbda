import type { Logger } from "@windrow/service";
import { type Bus, connectBus, type NatsKeys, type NatsTls } from "@windrow/wire";
import type { Metrics } from "../metrics.ts";

/** The controllers' own connection to NATS: full rights in the farm's account. */
export function connectControllerBus(options: {
  readonly urls: readonly string[];
  readonly keys: NatsKeys;
  readonly tls?: NatsTls;
  readonly controllerId: string;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, "natsConnected">;
}): Bus {
  const { urls, keys, tls, controllerId, logger, metrics } = options;
  return connectBus({
    urls,
    jwt: () => keys.controllerUserJwt,
    nkeySeed: keys.controllerUserSeed,
    inboxPrefix: `_INBOX.${controllerId}`,
    name: `windrow controller ${controllerId}`,
    logger,
    ...(tls !== undefined && { tls }),
    onStateChange(state) {
      metrics.natsConnected.set(state === "connected" ? 1 : 0);
      if (state === "connected") logger.info("connected to NATS");
      else logger.warn({ state }, "the connection to NATS changed");
    },
  });
}
