import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { LogCall } from "../agent-api.ts";
import { decodeLogAck, encodeLogMessage } from "../codec/log-messages.ts";
import { wrapClientStream } from "./client-stream.ts";

/** Gives a streaming call the shape of one attempt's log; `isOwn` says that the whole client was closed here. */
export function openLogCall(call: ClientDuplexStream<Buffer, Buffer>, isOwn: () => boolean): LogCall {
  const stream = wrapClientStream(call, decodeLogAck, isOwn);
  // one on its way and one more: what waits in the call's own buffer would grow old and be walked by the collector
  let written: Promise<void> = Promise.resolve();
  return {
    acks: stream.messages,
    async send(message) {
      await written;
      stream.assertOpen();
      written = stream.writeWhole(encodeLogMessage(message));
    },
    end: () => stream.end(),
    close: () => stream.close(),
  };
}
