import type { AgentId } from "@windrow/model";
import type { Logger } from "@windrow/service";
import {
  type Bus,
  type Cancel,
  cancelsTo,
  connectBus,
  type Drain,
  drainsTo,
  type Offer,
  type OfferAnswer,
  offersTo,
} from "@windrow/wire";
import { natsTlsFor } from "./start/farm-trust.ts";

export interface AgentBusOptions {
  readonly natsSeed: string;
  /** PEM of the farm's authority. */
  readonly authority: string | undefined;
  readonly logger: Logger;
  readonly onOffer: (offer: Offer) => Promise<OfferAnswer>;
  readonly onCancel: (cancel: Cancel) => void;
  readonly onDrain: (drain: Drain) => void;
}

export interface NatsAccess {
  readonly agentId: AgentId;
  readonly urls: readonly string[];
  readonly jwt: string;
}

/** The agent's end of the doorbell. Without NATS the same messages come down the session, a little later. */
export interface AgentBus {
  /** Connects, or keeps the newer credential for the next connection. */
  use(access: NatsAccess): void;
  renew(jwt: string): void;
  stop(): Promise<void>;
}

export function createAgentBus(options: AgentBusOptions): AgentBus {
  let access: NatsAccess | undefined;
  let bus: Bus | undefined;

  function connect({ agentId, urls }: NatsAccess): Bus {
    const { natsSeed: nkeySeed, logger } = options;
    const tls = natsTlsFor(urls, options.authority);
    const inboxPrefix = `_INBOX.${agentId}`;
    const connected = connectBus({
      urls,
      nkeySeed,
      inboxPrefix,
      name: `agent ${agentId}`,
      logger,
      ...(tls !== undefined && { tls }),
      jwt: () => access?.jwt ?? "",
    });
    connected.respond(offersTo(agentId), options.onOffer);
    connected.subscribe(cancelsTo(agentId), options.onCancel);
    connected.subscribe(drainsTo(agentId), options.onDrain);
    return connected;
  }

  return {
    use(next) {
      const isElsewhere = access === undefined || access.urls.join() !== next.urls.join();
      access = next;
      if (!isElsewhere) return;
      // The old connection ends in its own time; the doorbell may ring twice meanwhile.
      void bus?.close();
      bus = connect(next);
    },
    renew(jwt) {
      if (access !== undefined) access = { ...access, jwt };
    },
    async stop() {
      await bus?.close();
    },
  };
}
