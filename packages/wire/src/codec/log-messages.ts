import type { LogAck, LogChunk, LogMessage } from "../agent-messages.ts";
import { LOG_CHUNK_BYTES_MAX } from "../limits.ts";
import type { Fields } from "./fields.ts";
import { unpackLeaseRef, unpackStream } from "./lease.ts";
import { createDecoder, createEncoder, type Packed } from "./proto-message.ts";

function packLogMessage(message: LogMessage): Packed {
  switch (message.kind) {
    case "open":
      return { open: { lease: message.lease } };
    case "chunk":
      return { chunk: message };
  }
}

function unpackLogMessage(fields: Fields): LogMessage {
  const kind = fields.kind(["open", "chunk"]);
  const body = fields.message(kind);
  switch (kind) {
    case "open":
      return { kind, lease: unpackLeaseRef(body.message("lease")) };
    case "chunk":
      return { kind, ...unpackChunk(body) };
  }
}

function unpackChunk(fields: Fields): LogChunk {
  const data = fields.bytes("data");
  if (data.byteLength > LOG_CHUNK_BYTES_MAX) fields.fail("data", `is longer than ${LOG_CHUNK_BYTES_MAX} bytes`);
  let least = 0;
  const times = fields.messages("times", (time) => {
    const offset = time.integer("offset", least);
    least = offset;
    return { offset, atMs: time.integer("atMs") };
  });
  return { stream: unpackStream(fields), offset: fields.integer("offset"), data, times, end: fields.flag("end") };
}

export const encodeLogMessage = createEncoder("LogMessage", packLogMessage);
export const decodeLogMessage = createDecoder("LogMessage", unpackLogMessage);
export const encodeLogAck = createEncoder<LogAck>("LogAck", (ack) => ({ ...ack }));
export const decodeLogAck = createDecoder<LogAck>("LogAck", (fields) => ({
  stream: unpackStream(fields),
  offset: fields.integer("offset"),
}));
