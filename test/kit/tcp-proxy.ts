import { createServer, connect as dial, type Server, type Socket } from "node:net";

/**
 * A TCP proxy on loopback between two parts of a farm, to make the network between them misbehave: `cut` ends every
 * connection and refuses new ones, `freeze` keeps them open and passes nothing (a half-open link, no RST), `holdAbove`
 * stops those that send much: of an agent's two connections the one with its logs.
 */
export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #mode: "open" | "cut" | "frozen" = "open";
  #sentMax = Number.POSITIVE_INFINITY;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(target: { host: string; port: number }, listenAddress = "127.0.0.1"): Promise<TcpProxy> {
    const server = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, listenAddress, resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    const proxy = new TcpProxy(server, address.port);
    server.on("connection", (near) => proxy.#join(near, dial(target)));
    return proxy;
  }

  get connectionCount(): number {
    return this.#pairs.size;
  }

  cut(): void {
    this.#mode = "cut";
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  freeze(): void {
    this.#mode = "frozen";
    for (const [near, far] of this.#pairs) {
      near.pause();
      far.pause();
    }
  }

  /** A connection on which the near side sent more than so many bytes is not read from until `heal`. */
  holdAbove(bytes: number): void {
    this.#sentMax = bytes;
  }

  heal(): void {
    this.#mode = "open";
    this.#sentMax = Number.POSITIVE_INFINITY;
    for (const [near, far] of this.#pairs) {
      near.resume();
      far.resume();
    }
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket, far: Socket): void {
    if (this.#mode === "cut") {
      near.destroy();
      far.destroy();
      return;
    }
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const isHeld = (from: Socket) => from === near && from.bytesRead > this.#sentMax;
    const forward = (from: Socket, to: Socket) => {
      from.on("data", (bytes) => {
        if (!to.write(bytes) || isHeld(from)) from.pause();
      });
      to.on("drain", () => {
        if (this.#mode === "open" && !isHeld(from)) from.resume();
      });
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
    };
    forward(near, far);
    forward(far, near);
    if (this.#mode === "open") near.resume();
  }
}
