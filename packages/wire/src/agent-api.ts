import type { AgentId } from "@windrow/model";
import type {
  AgentMessage,
  ControllerMessage,
  FinishAttemptReply,
  FinishAttemptRequest,
  LogAck,
  LogMessage,
  ReportStepsReply,
  ReportStepsRequest,
  StartAttemptReply,
  StartAttemptRequest,
} from "./agent-messages.ts";
import type {
  FetchActionRequest,
  FetchDocumentRequest,
  FetchReply,
  PinImageReply,
  PinImageRequest,
  ResolveActionReply,
  ResolveActionRequest,
} from "./fetch-messages.ts";

/** Who calls: taken from the connection's certificate by the server's `authenticate`, never from a field. */
export interface AgentCaller {
  readonly agentId: AgentId;
}

/**
 * What a controller does for agents; `startAgentServer` puts it on the wire.
 *
 * Every method may throw: a `Refusal` (the caller may not; reaches the agent with its code), a `LogGap` (shipLog only),
 * an error with `retryable: true` (the world broke, for example the database is away; reaches the agent as
 * unavailable), or anything else (a bug; logged here, reaches the agent as "internal" without details).
 */
export interface AgentApi {
  /**
   * One call per agent process. The first of `messages` is a Hello. `messages` ends when the agent closes its side and
   * throws when the connection breaks; `signal` aborts in both cases and at server stop. Returning ends the call
   * normally; the agent then connects again. `send` never blocks; after the call is over it does nothing. An agent
   * that does not read for SESSION_UNSENT_MESSAGES_MAX messages has its call ended.
   */
  session(
    caller: AgentCaller,
    messages: AsyncIterable<AgentMessage>,
    send: (message: ControllerMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;

  /** Idempotent: a replay returns the same plan. */
  startAttempt(caller: AgentCaller, request: StartAttemptRequest): Promise<StartAttemptReply>;

  /** Reports may repeat; states only go forward. */
  reportSteps(caller: AgentCaller, request: ReportStepsRequest): Promise<ReportStepsReply>;

  /**
   * The first of `messages` is `open`. Bytes are read from the connection only as fast as `messages` is consumed, so
   * a slow consumer slows the agent and costs no memory. `send` resolves when the ack may leave. Ends as `session`.
   */
  shipLog(
    caller: AgentCaller,
    messages: AsyncIterable<LogMessage>,
    send: (ack: LogAck) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;

  /** Idempotent: a replay returns the stored answer. */
  finishAttempt(caller: AgentCaller, request: FinishAttemptRequest): Promise<FinishAttemptReply>;

  /** A piece of the document that the running attempt's plan names; `not_found` for any other. */
  fetchDocument(caller: AgentCaller, request: FetchDocumentRequest): Promise<FetchReply>;

  /** Settles an action's commit for the whole run; a later question gets the same answer. */
  resolveAction(caller: AgentCaller, request: ResolveActionRequest): Promise<ResolveActionReply>;

  /** A piece of the tar file of an action's tree; `not_found` unless this run has resolved that commit. */
  fetchAction(caller: AgentCaller, request: FetchActionRequest): Promise<FetchReply>;

  /** Settles, or only asks, which image a name is for the whole run. */
  pinImage(caller: AgentCaller, request: PinImageRequest): Promise<PinImageReply>;
}

/** The agent's end of a session. */
export interface SessionCall {
  /** Never blocks; does nothing after the call is over. */
  send(message: AgentMessage): void;
  /** Ends when the controller ends the call normally; throws a Refusal or a WireFault otherwise. Iterate once. */
  readonly messages: AsyncIterable<ControllerMessage>;
  /** The goodbye of an agent that stops: nothing more will be sent, and the controller ends the call when it has noted that. */
  end(): void;
  /** Idempotent. `messages` ends without an error. */
  close(): void;
}

/** The agent's end of one attempt's log. */
export interface LogCall {
  /**
   * Resolves when more may be written (the connection's buffer has room again), so that awaiting it bounds memory.
   * Rejects with what ended the call.
   */
  send(message: LogMessage): Promise<void>;
  /** Ends when the controller ends the call normally; throws a Refusal, a LogGap or a WireFault otherwise. Iterate once. */
  readonly acks: AsyncIterable<LogAck>;
  /** Says that nothing more will be sent; acks still arrive until the controller ends the call. */
  end(): void;
  /** Idempotent; drops the call at once. `acks` ends without an error. */
  close(): void;
}

export interface UnaryOptions {
  readonly signal?: AbortSignal;
  /** How long the call may take, in ms; the default is UNARY_DEADLINE_MS. */
  readonly deadlineMs?: number;
}

/**
 * The agent's side of the same port. Unary calls reject with a Refusal (same code as the controller threw) or a
 * WireFault. Calls made while the controller is away fail as WireFault `unavailable`; the channel reconnects by itself.
 * After `close`, every call ends as WireFault `cancelled` (`session` and `openLog` throw it at once).
 */
export interface AgentApiClient {
  session(): SessionCall;
  startAttempt(request: StartAttemptRequest, options?: UnaryOptions): Promise<StartAttemptReply>;
  reportSteps(request: ReportStepsRequest, options?: UnaryOptions): Promise<ReportStepsReply>;
  openLog(): LogCall;
  finishAttempt(request: FinishAttemptRequest, options?: UnaryOptions): Promise<FinishAttemptReply>;
  fetchDocument(request: FetchDocumentRequest, options?: UnaryOptions): Promise<FetchReply>;
  resolveAction(request: ResolveActionRequest, options?: UnaryOptions): Promise<ResolveActionReply>;
  fetchAction(request: FetchActionRequest, options?: UnaryOptions): Promise<FetchReply>;
  pinImage(request: PinImageRequest, options?: UnaryOptions): Promise<PinImageReply>;
  /** Idempotent; ends every open call. */
  close(): void;
}
