import { createConnection, createServer, type Server, type Socket } from "node:net";
import { BackendFault } from "../backend-fault.ts";

/** A port of the machine's loopback that leads to a service. */
export interface PortForward {
  readonly service: string;
  /** `80`: of the service, by TCP. */
  readonly inside: string;
  /** Empty: one that is free. */
  readonly outside: string;
}

const CONNECTIONS_MAX = 1_000;

/**
 * Offers services on the machine's loopback where the engine cannot do it: it publishes nothing of a network that leads
 * nowhere. They are reached as long as this process lives, and again when it has come back.
 */
export class PortForwards {
  #servers: Server[] = [];
  #sockets = new Set<Socket>();

  /** The ports as they are open now. Throws `engine_failed` when one is taken. */
  async open(wanted: readonly PortForward[], addressOf: (service: string) => string): Promise<PortForward[]> {
    const opened: PortForward[] = [];
    try {
      for (const forward of wanted) {
        const target = { host: addressOf(forward.service), port: Number(forward.inside) };
        const outside = await this.#listen(target, Number(forward.outside === "" ? 0 : forward.outside));
        opened.push({ ...forward, outside: String(outside) });
      }
    } catch (error) {
      this.close();
      throw error;
    }
    return opened;
  }

  close(): void {
    for (const server of this.#servers.splice(0)) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #listen(target: { readonly host: string; readonly port: number }, port: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (client) => {
      this.#join(client, createConnection({ ...target, allowHalfOpen: true }));
    });
    server.maxConnections = CONNECTIONS_MAX;
    // an open port alone keeps nobody from ending
    server.unref();
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", (cause) => {
        const what = `port ${port} of the machine cannot be given to a service: ${cause.message}`;
        reject(new BackendFault("engine_failed", what, { cause }));
      });
      server.listen(port, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  #join(client: Socket, service: Socket): void {
    for (const [one, other] of [
      [client, service],
      [service, client],
    ] as const) {
      this.#sockets.add(one);
      one.pipe(other);
      // what the other end has to say about it is said by its closing
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        if (one.errored !== null) other.destroy();
      });
    }
  }
}
