import Docker from "dockerode";
import { ProviderError } from "../provider-error.ts";

/** PEM texts for an engine that listens on the network. */
export interface EngineTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A client of the engine at `unix:///…` or `tcp://host:port`; it connects when it is asked something. Throws ProviderError. */
export function connectEngine(socket: string, tls: EngineTls | undefined): Docker {
  const url = URL.canParse(socket) ? new URL(socket) : undefined;
  if (url?.protocol === "unix:" && url.pathname !== "") return new Docker({ socketPath: url.pathname });
  if (url?.protocol === "tcp:" && url.hostname !== "") {
    const { hostname: host } = url;
    const port = url.port || (tls === undefined ? "2375" : "2376");
    return new Docker({ host, port, protocol: tls === undefined ? "http" : "https", ...tls });
  }
  throw new ProviderError(`${JSON.stringify(socket)} is no address of a Docker engine: unix:///… or tcp://host:port`, {
    retryable: false,
  });
}
