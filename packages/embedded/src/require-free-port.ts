import { once } from "node:events";
import { createServer } from "node:net";
import { hasCode } from "@windrow/service";
import { EmbeddedError } from "./embedded-error.ts";
import { describePortOwner, findPortOwner } from "./find-port-owner.ts";

export interface FreePortOptions {
  readonly port: number;
  readonly listenAddress: string;
  /** What the port is for, with the flag that changes it: "NATS (--nats-port)". */
  readonly purpose: string;
}

/** Throws `port_taken`, naming number and owner, when something else listens there. */
export async function requireFreePort(options: FreePortOptions): Promise<void> {
  const { port, listenAddress, purpose } = options;
  const probe = createServer();
  try {
    probe.listen({ port, host: listenAddress, exclusive: true });
    await once(probe, "listening");
  } catch (cause) {
    if (!hasCode(cause, "EADDRINUSE")) throw cause;
    const owner = describePortOwner(findPortOwner(port));
    const message = `Port ${port} for ${purpose} is taken by ${owner}: end that process or choose another port.`;
    throw new EmbeddedError("port_taken", message, { cause });
  } finally {
    if (probe.listening) {
      probe.close();
      await once(probe, "close");
    }
  }
}
