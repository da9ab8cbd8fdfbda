import { type ClientDuplexStream, type ServiceError, status } from "@grpc/grpc-js";
import { DecodeError } from "../codec/decode-error.ts";
import { WireFault } from "../wire-fault.ts";
import { fromServiceError } from "./error-table.ts";
import { readMessages } from "./read-messages.ts";

/** After any of these nothing is written any more. */
const ENDS = ["error", "status", "close"];

type Duplex = ClientDuplexStream<Buffer, Buffer>;

/** The agent's end of a streaming call, before it is given the names of one. */
export interface ClientStream<In> {
  readonly messages: AsyncIterable<In>;
  write(bytes: Buffer): void;
  /** Resolves when the bytes were handed to the connection, or the call is over. */
  writeWhole(bytes: Buffer): Promise<void>;
  readonly unsentCount: number;
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
    write: (bytes) => void stream.write(bytes),
    get unsentCount() {
      return stream.writableLength;
    },
    writeWhole: (bytes) =>
      new Promise((resolve) => {
        const done = () => {
          for (const event of ENDS) stream.removeListener(event, done);
          resolve();
        };
        for (const event of ENDS) stream.on(event, done);
        stream.write(bytes, done);
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
