import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type MethodDefinition,
} from "@grpc/grpc-js";
import type { AgentApiClient, UnaryOptions } from "../agent-api.ts";
import {
  decodeFinishAttemptReply,
  decodeReportStepsReply,
  decodeStartAttemptReply,
  encodeFinishAttemptRequest,
  encodeReportStepsRequest,
  encodeStartAttemptRequest,
} from "../codec/attempt-messages.ts";
import { DecodeError } from "../codec/decode-error.ts";
import {
  decodeFetchReply,
  decodePinImageReply,
  decodeResolveActionReply,
  encodeFetchActionRequest,
  encodeFetchDocumentRequest,
  encodePinImageRequest,
  encodeResolveActionRequest,
} from "../codec/fetch-messages.ts";
import {
  AGENT_MESSAGE_BYTES_MAX,
  CONTROLLER_MESSAGE_BYTES_MAX,
  KEEPALIVE_EVERY_MS,
  KEEPALIVE_TIMEOUT_MS,
  RECEIVE_WINDOW_BYTES,
  RECONNECT_FIRST_MS,
  RECONNECT_MAX_MS,
  UNARY_DEADLINE_MS,
} from "../limits.ts";
import { WireFault } from "../wire-fault.ts";
import { AGENT_SERVICE } from "./agent-service.ts";
import { fromServiceError } from "./error-table.ts";
import { openLogCall } from "./open-log-call.ts";
import { openSessionCall } from "./open-session-call.ts";

export interface AgentApiClientOptions {
  /** `host:port`, or several controllers as `ipv4:10.0.0.1:7071,10.0.0.2:7071` (the first that answers is used). */
  readonly address: string;
  readonly tls: ClientTls;
}

/** Whom an agent trusts and what it shows; all PEM. */
export interface ClientTls {
  readonly ca: Buffer;
  /** The agent's own certificate and its key. */
  readonly key: Buffer;
  readonly cert: Buffer;
  /** What the server's certificate must be for, whatever address leads there. */
  readonly serverName: string;
}

/**
 * Connects lazily and keeps connecting. Two connections of its own: session and unary calls on one, logs on the other,
 * so that a log which stalls (and with it the connection's window) never delays a heartbeat.
 */
export function createAgentApiClient(options: AgentApiClientOptions): AgentApiClient {
  const control = connect(options);
  const logs = connect(options);
  // Closing a channel of grpc-js only refuses new calls; the open ones would live on.
  const openCalls = new Set<{ cancel(): void }>();
  let isClosed = false;

  function openStream(client: Client, method: MethodDefinition<Buffer, Buffer>): ClientDuplexStream<Buffer, Buffer> {
    if (isClosed) throw new WireFault("cancelled", "the client was closed here");
    const { path, requestSerialize, responseDeserialize } = method;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata());
    openCalls.add(call);
    call.once("status", () => openCalls.delete(call));
    return call;
  }

  function unary<Q, R>(
    method: MethodDefinition<Buffer, Buffer>,
    encode: (request: Q) => Buffer,
    decode: (bytes: Uint8Array) => R,
  ): (request: Q, options?: UnaryOptions) => Promise<R> {
    return (request, { signal, deadlineMs = UNARY_DEADLINE_MS } = {}) =>
      new Promise((resolve, reject) => {
        if (isClosed || signal?.aborted) return reject(new WireFault("cancelled", "the call was cancelled here"));
        const call = control.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          encode(request),
          new Metadata(),
          { deadline: Date.now() + deadlineMs },
          (error, reply) => {
            signal?.removeEventListener("abort", cancel);
            openCalls.delete(call);
            if (error !== null) return reject(fromServiceError(error, isClosed || signal?.aborted === true));
            try {
              resolve(decode(reply ?? Buffer.alloc(0)));
            } catch (cause) {
              reject(toProtocolFault(cause));
            }
          },
        );
        openCalls.add(call);
        const cancel = () => call.cancel();
        signal?.addEventListener("abort", cancel, { once: true });
      });
  }

  return {
    session: () => openSessionCall(openStream(control, AGENT_SERVICE.session), () => isClosed),
    startAttempt: unary(AGENT_SERVICE.startAttempt, encodeStartAttemptRequest, decodeStartAttemptReply),
    reportSteps: unary(AGENT_SERVICE.reportSteps, encodeReportStepsRequest, decodeReportStepsReply),
    openLog: () => openLogCall(openStream(logs, AGENT_SERVICE.shipLog), () => isClosed),
    finishAttempt: unary(AGENT_SERVICE.finishAttempt, encodeFinishAttemptRequest, decodeFinishAttemptReply),
    fetchDocument: unary(AGENT_SERVICE.fetchDocument, encodeFetchDocumentRequest, decodeFetchReply),
    pinImage: unary(AGENT_SERVICE.pinImage, encodePinImageRequest, decodePinImageReply),
    resolveAction: unary(AGENT_SERVICE.resolveAction, encodeResolveActionRequest, decodeResolveActionReply),
    fetchAction: unary(AGENT_SERVICE.fetchAction, encodeFetchActionRequest, decodeFetchReply),
    close() {
      isClosed = true;
      for (const call of openCalls) call.cancel();
      control.close();
      logs.close();
    },
  };
}

function connect({ address, tls }: AgentApiClientOptions): Client {
  const channelOptions: ChannelOptions = {
    // Without this, grpc-js would share one connection between both clients.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.keepalive_time_ms": KEEPALIVE_EVERY_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.max_receive_message_length": CONTROLLER_MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": AGENT_MESSAGE_BYTES_MAX,
    "grpc.initial_reconnect_backoff_ms": RECONNECT_FIRST_MS,
    "grpc.max_reconnect_backoff_ms": RECONNECT_MAX_MS,
    "grpc-node.flow_control_window": RECEIVE_WINDOW_BYTES,
    // Every call is repeated by its owner when it fails; retries inside would hold a copy of log bytes.
    "grpc.enable_retries": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_channelz": 0,
    // Only configuration decides how to reach the controller, never a proxy variable of the environment.
    "grpc.enable_http_proxy": 0,
    "grpc.ssl_target_name_override": tls.serverName,
  };
  return new Client(address, credentials.createSsl(tls.ca, tls.key, tls.cert), channelOptions);
}

/** A reply that does not decode is the peer's fault, not a refusal of ours. */
export function toProtocolFault(error: unknown): unknown {
  return error instanceof DecodeError ? new WireFault("protocol", error.message, { cause: error }) : error;
}
