export type { AgentApi, AgentApiClient, AgentCaller, LogCall, SessionCall, UnaryOptions } from "./agent-api.ts";
export {
  type AgentMessage,
  type Cancel,
  type ControllerMessage,
  DECLINE_REASONS,
  type DeclineReason,
  type Drain,
  type FinishAttemptReply,
  type FinishAttemptRequest,
  type Heartbeat,
  type HeartbeatReply,
  type Hello,
  type LeaseHeld,
  type LogAck,
  type LogChunk,
  type LogMessage,
  type LogOpen,
  type LogTime,
  type Offer,
  type OfferAnswer,
  type PolicyChange,
  type ReportStepsReply,
  type ReportStepsRequest,
  type StartAttemptReply,
  type StartAttemptRequest,
  type Unfit,
  type Upgrade,
  type UpgradeFile,
  type UpgradeProblem,
  type Welcome,
} from "./agent-messages.ts";
export { type Bus, type BusOptions, type BusState, type BusSubscription, connectBus } from "./bus/connect-bus.ts";
export type { NatsLogin, NatsTls } from "./bus/keep-nats-connection.ts";
export { type RequestSubject, type Subject, type SubjectPattern, subjectToken } from "./bus/subject.ts";
export {
  cancelsTo,
  changesOf,
  drainsTo,
  everyChange,
  everyLogWant,
  everyWake,
  hintsAbout,
  logBytesOf,
  logWantsOf,
  offersTo,
  wakesOf,
} from "./bus/subjects.ts";
export {
  type AgentHint,
  KICK_REASONS,
  type Kick,
  type KickReason,
  type LogTailBytes,
  type LogTailWanted,
  type PoolWake,
  type RunChanged,
} from "./bus-messages.ts";
export { DecodeError } from "./codec/decode-error.ts";
export type {
  FetchActionRequest,
  FetchDocumentRequest,
  FetchReply,
  PinImageReply,
  PinImageRequest,
  ResolveActionReply,
  ResolveActionRequest,
} from "./fetch-messages.ts";
export type { Authenticate, PeerCertificate } from "./grpc/authenticate-calls.ts";
export { type AgentApiClientOptions, type ClientTls, createAgentApiClient } from "./grpc/create-agent-api-client.ts";
export type { AgentServerTls } from "./grpc/server-identity.ts";
export { type AgentServer, type AgentServerOptions, startAgentServer } from "./grpc/start-agent-server.ts";
export {
  ACTION_REF_CHARS_MAX,
  AGENT_MESSAGE_BYTES_MAX,
  CONTROLLER_MESSAGE_BYTES_MAX,
  EVENT_INLINE_BYTES_MAX,
  FETCH_BYTES_MAX,
  IMAGE_NAME_CHARS_MAX,
  KEEPALIVE_EVERY_MS,
  KEEPALIVE_TIMEOUT_MS,
  LABEL_CHARS_MAX,
  LABELS_MAX,
  LEASES_HELD_MAX,
  LOG_CHUNK_BYTES_MAX,
  LOG_WINDOW_BYTES_MAX,
  NATS_USER_LIFE_SECONDS_MAX,
  PROTOCOL_VERSION,
  SESSION_MESSAGE_BYTES_MAX,
  SESSION_UNSENT_MESSAGES_MAX,
  TOOLCHAIN_CHARS_MAX,
  TOOLCHAINS_MAX,
  UNARY_DEADLINE_MS,
  UNFIT_PROBLEM_CHARS_MAX,
  UPGRADE_FILES_MAX,
  UPGRADE_PROBLEM_CHARS_MAX,
} from "./limits.ts";
export { LogGap } from "./log-gap.ts";
export { type AgentNatsJwtOptions, issueAgentNatsJwt } from "./nats-auth/issue-agent-nats-jwt.ts";
export { type NatsKeys, NatsKeysError, readNatsKeys } from "./nats-auth/nats-keys.ts";
export { type NatsProbe, type NatsServerFacts, type ProbeNatsOptions, probeNats } from "./nats-auth/probe-nats.ts";
export { NatsAdminError, type RevokeOptions, revokeAgentNatsUser } from "./nats-auth/revoke-agent-nats-user.ts";
export { createUserNkey, isUserPublicKey, type UserNkey } from "./nats-auth/user-nkey.ts";
export { WIRE_FAULT_CODES, WireFault, type WireFaultCode } from "./wire-fault.ts";
export type { WireLogger } from "./wire-logger.ts";
