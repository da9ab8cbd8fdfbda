import { setTimeout as delay } from "node:timers/promises";
import { type ConnectionOptions, connect, Events, jwtAuthenticator, type NatsConnection } from "nats";
import {
  BUS_CONNECT_TIMEOUT_MS,
  BUS_FLUSH_GRACE_MS,
  BUS_PING_EVERY_MS,
  BUS_RETRY_FIRST_MS,
  BUS_RETRY_MAX_MS,
} from "../limits.ts";
import type { WireLogger } from "../wire-logger.ts";

/** PEM; `servername` is what the server's certificate must be for, instead of the address's host. */
export interface NatsTls {
  readonly ca?: string;
  readonly key?: string;
  readonly cert?: string;
  readonly servername?: string;
}

/** Who connects, and where to. */
export interface NatsLogin {
  readonly urls: readonly string[];
  /** Asked at every connection, so that a renewed credential is used. */
  readonly jwt: () => string;
  readonly nkeySeed: string;
  /** `_INBOX.<id>`: an agent may read no other inbox. */
  readonly inboxPrefix: string;
  /** Shown by the server's own monitoring. */
  readonly name: string;
  /** Absent: plain, unless the server wants TLS. */
  readonly tls?: NatsTls;
}

export interface ConnectionWatcher {
  /** A new connection: subscriptions are to be made on it. (A reconnection keeps the old ones.) */
  onConnection(connection: NatsConnection): void;
  onState(state: "connected" | "disconnected" | "closed"): void;
}

export interface KeptConnection {
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** The options of one connection: the client's defaults give up after about 20 s and notice a silent partition after minutes. */
export function natsOptions(login: NatsLogin): ConnectionOptions {
  return {
    servers: [...login.urls],
    name: login.name,
    inboxPrefix: login.inboxPrefix,
    authenticator: jwtAuthenticator(login.jwt, new TextEncoder().encode(login.nkeySeed)),
    // A credential that is refused now may be renewed by the time of the next try.
    ignoreAuthErrorAbort: true,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => BUS_RETRY_FIRST_MS + Math.random() * (BUS_RETRY_MAX_MS - BUS_RETRY_FIRST_MS),
    pingInterval: BUS_PING_EVERY_MS,
    maxPingOut: 2,
    timeout: BUS_CONNECT_TIMEOUT_MS,
    ...(login.tls === undefined ? {} : { tls: { ...login.tls } }),
  };
}

/**
 * Keeps one connection to NATS for as long as it is wanted. The client's own waiting for a first connection cannot be
 * interrupted, and it ends a connection for good on some errors; both are done here.
 */
export function keepNatsConnection(
  login: NatsLogin & { readonly logger: WireLogger },
  watcher: ConnectionWatcher,
): KeptConnection {
  const { logger } = login;
  const closing = new AbortController();
  let current: NatsConnection | undefined;
  let setReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    setReady = resolve;
  });
  const finished = keep();

  async function keep(): Promise<void> {
    let isComplaining = false;
    while (!closing.signal.aborted) {
      try {
        const connection = await connect(natsOptions(login));
        isComplaining = false;
        if (closing.signal.aborted) {
          await connection.close();
          break;
        }
        await useUntilClosed(connection);
      } catch (error) {
        if (!isComplaining) logger.warn({ err: error }, "NATS cannot be reached; going on without it");
        isComplaining = true;
      }
      await pause();
    }
    watcher.onState("closed");
    setReady();
  }

  async function useUntilClosed(connection: NatsConnection): Promise<void> {
    current = connection;
    watcher.onConnection(connection);
    watcher.onState("connected");
    setReady();
    void watchStatus(connection);
    const error = await connection.closed();
    current = undefined;
    if (closing.signal.aborted) return;
    watcher.onState("disconnected");
    logger.warn({ err: error }, "the NATS connection ended; connecting anew");
  }

  async function watchStatus(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (current !== connection) return;
      if (status.type === Events.Disconnect) {
        logger.warn({}, "NATS is away");
        watcher.onState("disconnected");
      } else if (status.type === Events.Reconnect) {
        watcher.onState("connected");
      } else if (status.type === Events.Error) {
        logger.warn({ problem: status.data }, "NATS reports a problem");
      }
    }
  }

  async function pause(): Promise<void> {
    const ms = BUS_RETRY_FIRST_MS + Math.random() * (BUS_RETRY_MAX_MS - BUS_RETRY_FIRST_MS);
    await delay(ms, undefined, { signal: closing.signal }).catch((error: unknown) => {
      if (!closing.signal.aborted) throw error;
    });
  }

  return {
    ready,
    async close() {
      if (!closing.signal.aborted) {
        closing.abort();
        const connection = current;
        // Only a live connection can still send; without this limit, flushing waits for a server that is away.
        if (connection !== undefined && !connection.isClosed()) {
          await Promise.race([
            connection.flush().catch(() => undefined),
            delay(BUS_FLUSH_GRACE_MS, undefined, { ref: false }),
          ]);
          await connection.close();
        }
      }
      await finished;
    },
  };
}
