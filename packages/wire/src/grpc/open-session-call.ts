import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { SessionCall } from "../agent-api.ts";
import { decodeControllerMessage, encodeAgentMessage } from "../codec/session-messages.ts";
import { SESSION_UNSENT_MESSAGES_MAX } from "../limits.ts";
import { WireFault } from "../wire-fault.ts";
import { wrapClientStream } from "./client-stream.ts";

/** Gives a streaming call the shape of a session; `isOwn` says that the whole client was closed here. */
export function openSessionCall(call: ClientDuplexStream<Buffer, Buffer>, isOwn: () => boolean): SessionCall {
  const stream = wrapClientStream(call, decodeControllerMessage, isOwn);
  let isEnded = false;
  return {
    messages: stream.messages,
    send(message) {
      if (stream.isOver || isEnded) return;
      if (stream.unsentCount >= SESSION_UNSENT_MESSAGES_MAX) {
        stream.close(new WireFault("unavailable", "the controller does not read the session"));
        return;
      }
      stream.write(encodeAgentMessage(message));
    },
    end() {
      isEnded = true;
      stream.end();
    },
    close: () => stream.close(),
  };
}
