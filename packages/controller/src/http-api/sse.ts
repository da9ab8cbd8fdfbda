import type { FollowMessageName } from "@windrow/contract";
import type { Clock } from "@windrow/service";
import type { FastifyReply } from "fastify";

const KEEPALIVE_EVERY_MS = 15_000;

/** One answer of server-sent events. */
export interface EventStream {
  /** Resolves when the client's connection has room again; rejects nothing: a client that left is seen in `signal`. */
  send(name: FollowMessageName, data: unknown, id?: string): Promise<void>;
  /** Aborts when the client left or the server stops. */
  readonly signal: AbortSignal;
  end(): void;
}

/** Starts the answer. `stopping` ends it with a `bye`, so that the client goes to another controller. */
export function startEventStream(
  reply: FastifyReply,
  options: { readonly clock: Clock; readonly stopping: AbortSignal },
): EventStream {
  reply.hijack();
  const { raw } = reply;
  const left = new AbortController();
  raw.once("close", () => left.abort());
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
  });
  raw.flushHeaders();
  void keepAlive();

  async function keepAlive(): Promise<void> {
    while (!left.signal.aborted) {
      await options.clock.sleep(KEEPALIVE_EVERY_MS, left.signal);
      if (!raw.writableEnded && !raw.destroyed) raw.write(":\n\n");
    }
  }

  return {
    signal: AbortSignal.any([left.signal, options.stopping]),
    async send(name, data, id) {
      if (raw.writableEnded || raw.destroyed) return;
      const text = `${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
      if (raw.write(text)) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          raw.off("drain", done);
          raw.off("close", done);
          resolve();
        };
        raw.once("drain", done);
        raw.once("close", done);
      });
    },
    end() {
      if (options.stopping.aborted && !raw.destroyed) {
        raw.write(`event: bye\ndata: ${JSON.stringify({ detail: "this controller stops; connect again" })}\n\n`);
      }
      raw.end();
      left.abort();
    },
  };
}
