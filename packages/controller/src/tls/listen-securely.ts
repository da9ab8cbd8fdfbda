import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import { createSecureContext } from "node:tls";
import { CONTROLLER_NAME } from "@windrow/certificates";
import { hasCode, type Logger } from "@windrow/service";
import type { FarmCertificates, Shown } from "./farm-certificates.ts";

export interface SecureListenerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly certificates: Pick<FarmCertificates, "shown" | "onChange">;
  /** When the port is taken: true goes on without, false throws. */
  readonly isOptional: boolean;
  readonly logger: Logger;
}

const HANDSHAKE_MS_MAX = 10_000;

/** Serves the same requests by HTTPS. Agents ask for the controllers' name and see the farm's certificate. */
export async function listenSecurely(
  options: SecureListenerOptions,
  serve: RequestListener,
): Promise<Server | undefined> {
  const { certificates, host, port } = options;
  let contexts = makeContexts(certificates.shown);
  const server = createServer(
    {
      ...certificates.shown.people,
      minVersion: "TLSv1.2",
      handshakeTimeout: HANDSHAKE_MS_MAX,
      // a large push over a slow line takes its time, as it does on the plain port
      requestTimeout: 0,
      SNICallback: (name, answer) => answer(null, name === CONTROLLER_NAME ? contexts.farm : contexts.people),
    },
    serve,
  );
  certificates.onChange((shown) => {
    contexts = makeContexts(shown);
    // for clients that name no server, those of addresses
    server.setSecureContext(shown.people);
  });
  server.listen({ host, port });
  try {
    await once(server, "listening");
    return server;
  } catch (error) {
    if (!options.isOptional || !hasCode(error, "EADDRINUSE")) throw error;
    options.logger.warn({ port }, "another program has the port for HTTPS: going on without");
    return undefined;
  }
}

function makeContexts({ farm, people }: Shown) {
  return { farm: createSecureContext(farm), people: createSecureContext(people) };
}
