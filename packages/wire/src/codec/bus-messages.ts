import { asAgentId, asAttemptId, asRunId } from "@windrow/model";
import {
  type AgentHint,
  KICK_REASONS,
  type Kick,
  type LogTailBytes,
  type LogTailWanted,
  type PoolWake,
  type RunChanged,
} from "../bus-messages.ts";
import type { Fields } from "./fields.ts";
import { unpackStream } from "./lease.ts";
import { present } from "./present.ts";
import { createDecoder, createEncoder, type Packed } from "./proto-message.ts";
import { packOffer, unpackCancel, unpackDrain, unpackOffer } from "./session-messages.ts";

function packHint(hint: AgentHint): Packed {
  const { agentId } = hint;
  switch (hint.kind) {
    case "offer":
      return { agentId, offer: packOffer(hint) };
    case "cancel":
      return { agentId, cancel: hint };
    case "drain":
      return { agentId, drain: hint };
    case "kick":
      return { agentId, kick: hint };
  }
}

function unpackHint(fields: Fields): AgentHint {
  const agentId = fields.uuid("agentId", asAgentId);
  const kind = fields.kind(["offer", "cancel", "drain", "kick"]);
  const body = fields.message(kind);
  switch (kind) {
    case "offer":
      return { agentId, kind, ...unpackOffer(body) };
    case "cancel":
      return { agentId, kind, ...unpackCancel(body) };
    case "drain":
      return { agentId, kind, ...unpackDrain(body) };
    case "kick":
      return { agentId, kind, ...unpackKick(body) };
  }
}

const unpackKick = (fields: Fields): Kick => ({
  ...present("sessionNo", fields.integer("sessionNo") || undefined),
  reason: fields.word("reason", KICK_REASONS),
});

export const encodePoolWake = createEncoder<PoolWake>("PoolWake", (wake) => ({ ...wake }));
export const decodePoolWake = createDecoder<PoolWake>("PoolWake", (fields) => ({ pool: fields.requiredText("pool") }));
export const encodeRunChanged = createEncoder<RunChanged>("RunChanged", (changed) => ({ ...changed }));
export const decodeRunChanged = createDecoder<RunChanged>("RunChanged", (fields) => ({
  runId: asRunId(fields.integer("runId", 1)),
}));
export const encodeAgentHint = createEncoder("AgentHint", packHint);
export const decodeAgentHint = createDecoder("AgentHint", unpackHint);
export const encodeLogTailWanted = createEncoder<LogTailWanted>("LogTailWanted", (wanted) => ({ ...wanted }));
export const decodeLogTailWanted = createDecoder<LogTailWanted>("LogTailWanted", (fields) => ({
  attemptId: fields.uuid("attemptId", asAttemptId),
  stream: unpackStream(fields),
  untilMs: fields.integer("untilMs"),
  watcher: fields.text("watcher"),
}));
export const encodeLogTailBytes = createEncoder<LogTailBytes>("LogTailBytes", (tail) => ({ ...tail }));
export const decodeLogTailBytes = createDecoder<LogTailBytes>("LogTailBytes", (fields) => ({
  attemptId: fields.uuid("attemptId", asAttemptId),
  stream: unpackStream(fields),
  offset: fields.integer("offset"),
  data: fields.bytes("data"),
  end: fields.flag("end"),
}));
