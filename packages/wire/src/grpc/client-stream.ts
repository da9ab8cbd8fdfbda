import { type ClientDuplexStream, type ServiceError, status } from "@grpc/grpc-js";
import { DecodeError } from "../codec/decode-error.ts";
import { WireFault } from "../wire-fault.ts";
import { fromServiceError } from "./error-table.ts";
import { readMessages } from "./read-messages.ts";

type Duplex = ClientDuplexStream<Buffer, Buffer>;

/** The agent's end of a streaming call, before it is given the names of one. */
export interface ClientStream<In> {
  readonly messages: AsyncIterable<In>;
  /** True when no more than a buffer's worth waits to be sent. */
  write(bytes: Buffer): boolean;
  readonly unsentCount: number;
  /** Resolves when the buffer has room or the call is over. */
  untilWritable(): Promise<void>;
  /** Throws what ended the call, if it is over. */
  assertOpen(): void;
  readonly isOver: boolean;
  end(): void;
  close(reason?: WireFault): void;
}

/** Wraps a call of grpc-js: errors become ours, closing is idempotent, writing after the end is harmless. */
export function wrapClientStream<In>(
  stream: Duplex,
  decode: (bytes: Uint8Array) => In,
  isOwn: () => boolean,
): ClientStream<In> {
  const closing = new AbortController();
  let ended: Error | "normally" | undefined;
  stream.on("error", (error: ServiceError) => {
    ended ??= fromServiceError(error, isOwn());
  });
  stream.on("status", ({ code }: { code: status }) => {
    if (code === status.OK) ended ??= "normally";
  });

  const messages = readMessages(stream, {
    decode: (bytes) => decodeReply(bytes),
    signal: closing.signal,
    whyEnded: () => {
      if (closing.signal.aborted) return closing.signal.reason instanceof WireFault ? closing.signal.reason : undefined;
      if (ended === "normally") return undefined;
      return ended instanceof WireFault && ended.code === "cancelled" ? undefined : ended;
    },
  });

  function decodeReply(bytes: Uint8Array): In {
    try {
      return decode(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const fault = new WireFault("protocol", error.message, { cause: error });
      close(fault);
      throw fault;
    }
  }

  function close(reason?: WireFault): void {
    if (closing.signal.aborted) return;
    closing.abort(reason);
    ended ??= reason ?? new WireFault("cancelled", "the call was closed here");
    stream.cancel();
  }

  return {
    messages,
    write: (bytes) => stream.write(bytes),
    get unsentCount() {
      return stream.writableLength;
    },
    untilWritable: () =>
      new Promise((resolve) => {
        const done = () => {
          for (const event of ["drain", "error", "status", "close"]) stream.removeListener(event, done);
          resolve();
        };
        for (const event of ["drain", "error", "status", "close"]) stream.on(event, done);
      }),
    assertOpen() {
      if (ended === "normally") throw new WireFault("unavailable", "the controller ended the call");
      if (ended !== undefined) throw ended;
    },
    get isOver() {
      return ended !== undefined;
    },
    end() {
      if (ended === undefined && !stream.writableEnded) stream.end();
    },
    close,
  };
}
