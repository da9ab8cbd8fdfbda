import { asAgentId, asAttemptId, asInstanceId, asJobId } from "@windrow/model";
import {
  type AgentMessage,
  type Cancel,
  type ControllerMessage,
  DECLINE_REASONS,
  type Drain,
  type Heartbeat,
  type HeartbeatReply,
  type Hello,
  type Offer,
  type OfferAnswer,
  type Unfit,
  type Upgrade,
  type UpgradeFile,
  type UpgradeProblem,
  type Welcome,
} from "../agent-messages.ts";
import {
  LABEL_CHARS_MAX,
  LABELS_MAX,
  LEASES_HELD_MAX,
  TOOLCHAIN_CHARS_MAX,
  TOOLCHAINS_MAX,
  UNFIT_PROBLEM_CHARS_MAX,
  UPGRADE_FILES_MAX,
  UPGRADE_PROBLEM_CHARS_MAX,
} from "../limits.ts";
import type { Fields } from "./fields.ts";
import { packJobPolicy, unpackJobPolicy, unpackOptionalPolicy } from "./job-policy.ts";
import { unpackLeaseHeld } from "./lease.ts";
import { present } from "./present.ts";
import { createDecoder, createEncoder, type Packed } from "./proto-message.ts";
import { packRowText } from "./row-text.ts";

const AGENT_KINDS = ["hello", "heartbeat", "offerAnswer", "upgradeProblem", "unfit"] as const;
const CONTROLLER_KINDS = ["welcome", "heartbeatReply", "offer", "cancel", "drain", "upgrade", "policy"] as const;

function packAgentMessage(message: AgentMessage): Packed {
  switch (message.kind) {
    case "hello":
      return { hello: packHello(message) };
    case "heartbeat":
      return { heartbeat: message };
    case "offerAnswer":
      return { offerAnswer: message };
    case "upgradeProblem":
      return { upgradeProblem: { ...message, problem: packRowText(message.problem) } };
    case "unfit":
      return { unfit: { problem: packRowText(message.problem) } };
  }
}

function unpackAgentMessage(fields: Fields): AgentMessage {
  const kind = fields.kind(AGENT_KINDS);
  const body = fields.message(kind);
  switch (kind) {
    case "hello":
      return { kind, ...unpackHello(body) };
    case "heartbeat":
      return { kind, ...unpackHeartbeat(body) };
    case "offerAnswer":
      return { kind, ...unpackOfferAnswer(body) };
    case "upgradeProblem":
      return { kind, ...unpackUpgradeProblem(body) };
    case "unfit":
      return { kind, ...unpackUnfit(body) };
  }
}

function packControllerMessage(message: ControllerMessage): Packed {
  switch (message.kind) {
    case "welcome":
      return { welcome: { ...message, policy: packJobPolicy(message.policy) } };
    case "heartbeatReply":
      return { heartbeatReply: message };
    case "offer":
      return { offer: packOffer(message) };
    case "cancel":
      return { cancel: message };
    case "drain":
      return { drain: message };
    case "upgrade":
      return { upgrade: message };
    case "policy":
      return { policy: packJobPolicy(message.policy) };
  }
}

function unpackControllerMessage(fields: Fields): ControllerMessage {
  const kind = fields.kind(CONTROLLER_KINDS);
  const body = fields.message(kind);
  switch (kind) {
    case "welcome":
      return { kind, ...unpackWelcome(body) };
    case "heartbeatReply":
      return { kind, ...unpackHeartbeatReply(body) };
    case "offer":
      return { kind, ...unpackOffer(body) };
    case "cancel":
      return { kind, ...unpackCancel(body) };
    case "drain":
      return { kind, ...unpackDrain(body) };
    case "upgrade":
      return { kind, ...unpackUpgrade(body) };
    case "policy":
      return { kind, policy: unpackJobPolicy(body) };
  }
}

const packHello = (hello: Hello): Packed => ({
  ...hello,
  agentVersion: packRowText(hello.agentVersion),
  labels: hello.labels.map(packRowText),
  hostname: packRowText(hello.hostname),
  toolchains: hello.toolchains?.map(({ name, version }) => ({
    name: packRowText(name),
    version: packRowText(version),
  })),
});

function unpackHello(fields: Fields): Hello {
  const labels = fields.texts("labels");
  if (labels.length > LABELS_MAX) fields.fail("labels", `has more than ${LABELS_MAX} entries`);
  for (const label of labels) {
    if (label === "" || label.includes("\0")) fields.fail("labels", "holds an empty label or U+0000");
    if (label.length > LABEL_CHARS_MAX)
      fields.fail("labels", `holds a label of more than ${LABEL_CHARS_MAX} characters`);
  }
  return {
    protocolVersion: fields.integer("protocolVersion", 1),
    instanceId: fields.uuid("instanceId", asInstanceId),
    agentVersion: fields.rowText("agentVersion"),
    slots: fields.integer("slots"),
    labels,
    held: unpackHeld(fields),
    hostname: fields.rowText("hostname"),
    ...unpackToolchains(fields),
    ...(fields.flag("isUpgradable") && { isUpgradable: true }),
  };
}

function unpackToolchains(fields: Fields): Pick<Hello, "toolchains"> {
  const toolchains = fields.messages("toolchains", (tool) => ({
    name: toolText(tool, "name"),
    version: toolText(tool, "version"),
  }));
  if (toolchains.length > TOOLCHAINS_MAX) fields.fail("toolchains", `has more than ${TOOLCHAINS_MAX} entries`);
  return toolchains.length === 0 ? {} : { toolchains };
}

function toolText(fields: Fields, name: "name" | "version"): string {
  const text = fields.rowText(name);
  if (text === "") fields.fail(name, "is empty");
  if (text.length > TOOLCHAIN_CHARS_MAX) fields.fail(name, `has more than ${TOOLCHAIN_CHARS_MAX} characters`);
  return text;
}

function unpackHeld(fields: Fields): Hello["held"] {
  const held = fields.messages("held", unpackLeaseHeld);
  return held.length <= LEASES_HELD_MAX ? held : fields.fail("held", `has more than ${LEASES_HELD_MAX} entries`);
}

const unpackHeartbeat = (fields: Fields): Heartbeat => ({
  heartbeatNo: fields.integer("heartbeatNo", 1),
  held: unpackHeld(fields),
  freeSlots: fields.integer("freeSlots"),
});

function unpackOfferAnswer(fields: Fields): OfferAnswer {
  const lease = unpackLeaseHeld(fields);
  return fields.flag("accepted")
    ? { ...lease, accepted: true }
    : { ...lease, accepted: false, declineReason: fields.word("declineReason", DECLINE_REASONS) };
}

const unpackWelcome = (fields: Fields): Welcome => ({
  protocolVersion: fields.integer("protocolVersion", 1),
  sessionNo: fields.integer("sessionNo", 1),
  agentId: fields.uuid("agentId", asAgentId),
  agentName: fields.text("agentName"),
  pool: fields.text("pool"),
  heartbeatEveryMs: fields.integer("heartbeatEveryMs", 1),
  leaseTtlMs: fields.integer("leaseTtlMs", 1),
  leaseMarginMs: fields.integer("leaseMarginMs"),
  orphanGraceMs: fields.integer("orphanGraceMs"),
  ...present("natsJwt", fields.text("natsJwt") || undefined),
  natsUrls: fields.texts("natsUrls"),
  revokedAttemptIds: fields.uuids("revokedAttemptIds", asAttemptId),
  draining: fields.flag("draining"),
  policy: unpackOptionalPolicy(fields, "policy"),
  farmAddresses: fields.texts("farmAddresses"),
});

const unpackHeartbeatReply = (fields: Fields): HeartbeatReply => ({
  heartbeatNo: fields.integer("heartbeatNo", 1),
  renewedAttemptIds: fields.uuids("renewedAttemptIds", asAttemptId),
  revokedAttemptIds: fields.uuids("revokedAttemptIds", asAttemptId),
  ...present("natsJwt", fields.text("natsJwt") || undefined),
  ...present("reconnectWithinMs", fields.integer("reconnectWithinMs") || undefined),
});

/** A fence goes as text: a bigint would lose bits as a number. */
export const packOffer = (offer: Offer): Packed => ({ ...offer, fence: String(offer.fence) });

export const unpackOffer = (fields: Fields): Offer => ({
  ...unpackLeaseHeld(fields),
  fence: fields.bigint("fence"),
  jobId: asJobId(fields.integer("jobId", 1)),
  attemptNo: fields.integer("attemptNo", 1),
  expiresInMs: fields.integer("expiresInMs"),
});

export const unpackCancel = (fields: Fields): Cancel => ({
  ...unpackLeaseHeld(fields),
  reason: fields.text("reason"),
});

export const unpackDrain = (fields: Fields): Drain => ({ draining: fields.flag("draining") });

function unpackUpgrade(fields: Fields): Upgrade {
  const files = fields.messages("files", unpackUpgradeFile);
  if (files.length > UPGRADE_FILES_MAX) fields.fail("files", `has more than ${UPGRADE_FILES_MAX} entries`);
  return { version: fields.requiredText("version"), files };
}

const unpackUpgradeFile = (fields: Fields): UpgradeFile => ({
  platform: fields.requiredText("platform"),
  path: fields.requiredText("path"),
  sha256: fields.requiredText("sha256"),
});

const unpackUpgradeProblem = (fields: Fields): UpgradeProblem => ({
  version: fields.requiredText("version"),
  problem: fields.rowText("problem").slice(0, UPGRADE_PROBLEM_CHARS_MAX),
});

const unpackUnfit = (fields: Fields): Unfit => ({
  problem: fields.rowText("problem").slice(0, UNFIT_PROBLEM_CHARS_MAX),
});

export const encodeAgentMessage = createEncoder("AgentMessage", packAgentMessage);
export const decodeAgentMessage = createDecoder("AgentMessage", unpackAgentMessage);
export const encodeControllerMessage = createEncoder("ControllerMessage", packControllerMessage);
export const decodeControllerMessage = createDecoder("ControllerMessage", unpackControllerMessage);
export const encodeOffer = createEncoder("Offer", packOffer);
export const decodeOffer = createDecoder("Offer", unpackOffer);
export const encodeOfferAnswer = createEncoder<OfferAnswer>("OfferAnswer", (answer) => ({ ...answer }));
export const decodeOfferAnswer = createDecoder("OfferAnswer", unpackOfferAnswer);
export const encodeCancel = createEncoder<Cancel>("Cancel", (cancel) => ({ ...cancel }));
export const decodeCancel = createDecoder("Cancel", unpackCancel);
export const encodeDrain = createEncoder<Drain>("Drain", (drain) => ({ ...drain }));
export const decodeDrain = createDecoder("Drain", unpackDrain);
