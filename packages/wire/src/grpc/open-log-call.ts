import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { LogCall } from "../agent-api.ts";
import { decodeLogAck, encodeLogMessage } from "../codec/log-messages.ts";
import { wrapClientStream } from "./client-stream.ts";

/** Gives a streaming call the shape of one attempt's log; `isOwn` says that the whole client was closed here. */
export function openLogCall(call: ClientDuplexStream<Buffer, Buffer>, isOwn: () => boolean): LogCall {
  const stream = wrapClientStream(call, decodeLogAck, isOwn);
  return {
    acks: stream.messages,
    async send(message) {
      stream.assertOpen();
      if (stream.write(encodeLogMessage(message))) return;
      await stream.untilWritable();
      stream.assertOpen();
    },
    end: () => stream.end(),
    close: () => stream.close(),
  };
}
