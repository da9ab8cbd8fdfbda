import {
  Server,
  type ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { Refusal } from "@windrow/model";
import type { AgentApi } from "../agent-api.ts";
import type { AgentMessage } from "../agent-messages.ts";
import {
  decodeFinishAttemptRequest,
  decodeReportStepsRequest,
  decodeStartAttemptRequest,
  encodeFinishAttemptReply,
  encodeReportStepsReply,
  encodeStartAttemptReply,
} from "../codec/attempt-messages.ts";
import {
  decodeFetchActionRequest,
  decodeFetchDocumentRequest,
  decodePinImageRequest,
  decodeResolveActionRequest,
  encodeFetchReply,
  encodePinImageReply,
  encodeResolveActionReply,
} from "../codec/fetch-messages.ts";
import { decodeLogMessage, encodeLogAck } from "../codec/log-messages.ts";
import { decodeAgentMessage, encodeControllerMessage } from "../codec/session-messages.ts";
import {
  AGENT_MESSAGE_BYTES_MAX,
  CALLS_PER_CONNECTION_MAX,
  CONTROLLER_MESSAGE_BYTES_MAX,
  KEEPALIVE_EVERY_MS,
  KEEPALIVE_TIMEOUT_MS,
  LOG_UNSENT_ACKS_MAX,
  SERVER_STOP_GRACE_MS,
  SESSION_MESSAGE_BYTES_MAX,
  SESSION_UNSENT_MESSAGES_MAX,
} from "../limits.ts";
import type { WireLogger } from "../wire-logger.ts";
import { AGENT_SERVICE } from "./agent-service.ts";
import { type Authenticate, authenticateCalls } from "./authenticate-calls.ts";
import { serveStream, serveUnary } from "./serve-call.ts";
import { type AgentServerTls, createServerIdentity } from "./server-identity.ts";

export interface AgentServerOptions {
  /** Address and port, for example `127.0.0.1:7071`; port 0 takes a free one. */
  readonly listen: string;
  readonly api: AgentApi;
  readonly authenticate: Authenticate;
  readonly logger: WireLogger;
  readonly tls: AgentServerTls;
  /** How long calls may take to end at stop; SERVER_STOP_GRACE_MS when not given. */
  readonly stopGraceMs?: number;
}

export interface AgentServer {
  readonly port: number;
  /** Shows another certificate to new connections. */
  setCertificate(pair: Pick<AgentServerTls, "key" | "cert">): void;
  /** Aborts the signals of streaming calls, lets unary ones finish, drops what is left after the grace. Idempotent. */
  stop(): Promise<void>;
}

type Stream = ServerDuplexStream<Buffer, Buffer>;
type Unary = ServerUnaryCall<Buffer, Buffer>;
type Respond = sendUnaryData<Buffer>;

/** Puts an AgentApi on the wire. Rejects when the address cannot be bound. */
export async function startAgentServer(options: AgentServerOptions): Promise<AgentServer> {
  const { api, logger } = options;
  const stops = new Set<() => void>();
  let stopped: Promise<void> | undefined;
  let isStopping = false;
  const context = { logger, stops, isStopping: () => isStopping };
  const { interceptor, callerOf } = authenticateCalls(options.authenticate, logger);
  const server = new Server({
    "grpc.keepalive_time_ms": KEEPALIVE_EVERY_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.max_receive_message_length": AGENT_MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": CONTROLLER_MESSAGE_BYTES_MAX,
    "grpc.max_concurrent_streams": CALLS_PER_CONNECTION_MAX,
    // bookkeeping about each connection and call for a debugger that nobody attaches
    "grpc.enable_channelz": 0,
    interceptors: [interceptor],
  });

  server.addService(AGENT_SERVICE, {
    session: (call: Stream) =>
      serveStream(context, call, {
        decode: decodeSessionMessage,
        encode: encodeControllerMessage,
        unsentMax: SESSION_UNSENT_MESSAGES_MAX,
        run: (messages, send, signal) =>
          api.session(callerOf(call.metadata), messages, (message) => void send(message), signal),
      }),
    shipLog: (call: Stream) =>
      serveStream(context, call, {
        decode: decodeLogMessage,
        encode: encodeLogAck,
        unsentMax: LOG_UNSENT_ACKS_MAX,
        run: (messages, send, signal) => api.shipLog(callerOf(call.metadata), messages, send, signal),
      }),
    startAttempt: (call: Unary, respond: Respond) =>
      serveUnary(context, call, respond, (request) => api.startAttempt(callerOf(call.metadata), request), {
        decode: decodeStartAttemptRequest,
        encode: encodeStartAttemptReply,
      }),
    reportSteps: (call: Unary, respond: Respond) =>
      serveUnary(context, call, respond, (request) => api.reportSteps(callerOf(call.metadata), request), {
        decode: decodeReportStepsRequest,
        encode: encodeReportStepsReply,
      }),
    finishAttempt: (call: Unary, respond: Respond) =>
      serveUnary(context, call, respond, (request) => api.finishAttempt(callerOf(call.metadata), request), {
        decode: decodeFinishAttemptRequest,
        encode: encodeFinishAttemptReply,
      }),
    fetchDocument: (call: Unary, respond: Respond) =>
      serveUnary(context, call, respond, (request) => api.fetchDocument(callerOf(call.metadata), request), {
        decode: decodeFetchDocumentRequest,
        encode: encodeFetchReply,
      }),
    resolveAction: (call: Unary, respond: Respond) =>
      serveUnary(context, call, respond, (request) => api.resolveAction(callerOf(call.metadata), request), {
        decode: decodeResolveActionRequest,
        encode: encodeResolveActionReply,
      }),
    fetchAction: (call: Unary, respond: Respond) =>
      serveUnary(context, call, respond, (request) => api.fetchAction(callerOf(call.metadata), request), {
        decode: decodeFetchActionRequest,
        encode: encodeFetchReply,
      }),
    pinImage: (call: Unary, respond: Respond) =>
      serveUnary(context, call, respond, (request) => api.pinImage(callerOf(call.metadata), request), {
        decode: decodePinImageRequest,
        encode: encodePinImageReply,
      }),
  });

  const identity = createServerIdentity(options.tls);
  const port = await bind(server, options.listen, identity.credentials);
  return {
    port,
    setCertificate: (pair) => identity.change(pair),
    stop() {
      const endStreams = () => {
        isStopping = true;
        for (const end of stops) end();
      };
      stopped ??= shutDown(server, endStreams, options.stopGraceMs ?? SERVER_STOP_GRACE_MS);
      return stopped;
    },
  };
}

/** Measured before it is looked into: unpacking a flood of labels takes longer than refusing it. */
function decodeSessionMessage(bytes: Uint8Array): AgentMessage {
  if (bytes.length > SESSION_MESSAGE_BYTES_MAX) {
    throw new Refusal("too_large", `a message of a session has at most ${SESSION_MESSAGE_BYTES_MAX} bytes`);
  }
  return decodeAgentMessage(bytes);
}

function bind(server: Server, listen: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

function shutDown(server: Server, endStreams: () => void, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const forced = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(forced);
      resolve();
    });
    endStreams();
  });
}
