import { ownReconnectWindowMs, RECONNECT_WITHIN_MS, Refusal } from "@windrow/model";
import { backoffMs, type Clock, type Logger, type Service } from "@windrow/service";
import {
  type AgentApiClient,
  type AgentMessage,
  type ControllerMessage,
  type Heartbeat,
  type HeartbeatReply,
  type Hello,
  type SessionCall,
  type Welcome,
  WireFault,
} from "@windrow/wire";
import { RenewalRefused } from "../start/renew-certificate.ts";
import type { CertificateKeeper } from "./certificate-keeper.ts";
import type { Connection, ControllerSession } from "./connection.ts";

/** Heartbeats without an answer that are remembered; one more and the session is given up. */
export const HEARTBEATS_UNANSWERED_MAX = 4;

export interface SessionLoopOptions {
  /** Controllers' gRPC addresses, tried in turn. At least one. */
  readonly addresses: readonly string[];
  readonly connect: (address: string) => AgentApiClient;
  /** What `connect` shows, kept fresh; absent where it lasts. */
  readonly certificate?: Pick<CertificateKeeper, "prepare" | "renew">;
  readonly hello: () => Hello;
  readonly heartbeat: () => Omit<Heartbeat, "heartbeatNo">;
  readonly connection: Connection;
  readonly clock: Clock;
  /** The machine's boot clock. */
  readonly bootClockMs: () => number;
  readonly logger: Logger;
  readonly onWelcome: (welcome: Welcome, sentAtBootMs: number) => void;
  readonly onHeartbeatReply: (reply: HeartbeatReply, sentAtBootMs: number) => void;
  readonly onMessage: (message: SessionMessage, answer: SessionCall["send"]) => void;
  /** The controller wants nothing more to do with this agent: superseded, removed, not known. No session follows. */
  readonly onRefused: (refusal: Refusal) => void;
}

/** What a controller says once a session stands. */
export type SessionMessage = Extract<ControllerMessage, { kind: "offer" | "cancel" | "drain" | "upgrade" | "policy" }>;

/**
 * A whole fleet loses its sessions in the same moment: tries are spread over a time that grows with the fleet from the first
 * on, and the pause between two is half of it at least. Doubling from a short pause would keep agents in step: they would come in waves.
 */
const RECONNECT_JITTER = 0.5;
/**
 * A controller that does not answer in time has done its work for nothing: with every such try the pause doubles, up to
 * this, or one that a fleet overloads would stay overloaded. A lease is worth three tries before the pauses are long.
 */
const UNANSWERED_PAUSE_MAX_MS = 20_000;
/** How long a session may take to open: a part of the lease, since packets that vanish are not sent again for seconds. */
const WELCOME_WAIT_MIN_MS = 3_000;
const WELCOME_WAIT_MAX_MS = 10_000;
const WELCOMES_PER_LEASE = 3;
/** How long the controller may take to note that this agent stops. */
const GOODBYE_WAIT_MS = 1_000;

/** What became of a try: `unanswered` when no welcome came in time. */
type SessionEnd = "welcomed" | "failed" | "unanswered";

export interface SessionLoop extends Service {
  heartbeatSoon(): void;
  /** Down the session of the moment; where there is none, nothing happens. */
  say(message: AgentMessage): void;
  /** Ends the session for another one at once, whose hello says what has changed. */
  reconnect(): void;
}

/** Keeps one session open for as long as the agent lives. */
export function createSessionLoop(options: SessionLoopOptions): SessionLoop {
  const { addresses, clock, connection, logger } = options;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let reconnectWithinMs = RECONNECT_WITHIN_MS;
  let leaseTtlMs = 0;
  let welcomeWaitMs = WELCOME_WAIT_MAX_MS;
  let beatSoon = new AbortController();
  let current: SessionCall | undefined;

  async function run(): Promise<void> {
    let failuresCount = 0;
    let unansweredCount = 0;
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      const address = addresses[turn % addresses.length] ?? "";
      const end = (await isPrepared(failuresCount)) ? await runSession(address.trim()) : "failed";
      if (stopping.signal.aborted) return;
      failuresCount = end === "welcomed" ? 1 : failuresCount + 1;
      if (end === "welcomed") unansweredCount = 0;
      if (end === "unanswered") unansweredCount++;
      const jitter = failuresCount === 1 ? 1 : RECONNECT_JITTER;
      const maxMs = end === "unanswered" ? UNANSWERED_PAUSE_MAX_MS : reconnectWithinMs;
      const tryNo = end === "unanswered" ? unansweredCount : 1;
      await clock.sleep(
        backoffMs(tryNo, { firstMs: reconnectWithinMs, maxMs, jitter }, Math.random()),
        stopping.signal,
      );
    }
  }

  async function isPrepared(failuresCount: number): Promise<boolean> {
    try {
      await options.certificate?.prepare(failuresCount);
    } catch (error) {
      giveUp(error);
    }
    return !stopping.signal.aborted;
  }

  /** Nothing that would help can be done here: the certificate is not renewed any more. Throws any other error again. */
  function giveUp(error: unknown): void {
    if (!(error instanceof RenewalRefused)) throw error;
    stopping.abort("refused");
    options.onRefused(new Refusal("not_allowed", error.message, { cause: error }));
  }

  /** The controller does not take the certificate. Whether the agent is still wanted, renewing it tells. */
  async function renewRefused(refusal: Refusal): Promise<void> {
    logger.warn({ why: refusal.message }, "the certificate is renewed, since the controller does not take it");
    try {
      await options.certificate?.renew({ isForced: true });
    } catch (error) {
      if (error instanceof RenewalRefused) giveUp(error);
      else logger.warn({ err: error }, "the certificate is renewed later");
    }
  }

  async function runSession(address: string): Promise<SessionEnd> {
    const client = options.connect(address);
    const over = new AbortController();
    let session: ControllerSession | undefined;
    let background: Promise<void> | undefined;
    const call = client.session();
    current = call;
    const sayGoodbye = () => {
      call.end();
      void closeAfter(call, GOODBYE_WAIT_MS, over.signal);
    };
    stopping.signal.addEventListener("abort", sayGoodbye, { once: true });
    const unwelcomed = new AbortController();
    let isUnanswered = false;
    void closeAfter(call, welcomeWaitMs, AbortSignal.any([unwelcomed.signal, over.signal])).then((isClosed) => {
      isUnanswered = isClosed;
    });
    try {
      const helloSentAtBootMs = options.bootClockMs();
      call.send({ kind: "hello", ...options.hello() });
      const beats = new Map<number, number>();
      for await (const message of call.messages) {
        if (message.kind === "welcome") {
          session = { client, sessionNo: message.sessionNo, over: over.signal };
          leaseTtlMs = message.leaseTtlMs;
          reconnectWithinMs = ownReconnectWindowMs(0, leaseTtlMs);
          const shareMs = message.leaseTtlMs / WELCOMES_PER_LEASE;
          welcomeWaitMs = Math.min(WELCOME_WAIT_MAX_MS, Math.max(WELCOME_WAIT_MIN_MS, shareMs));
          unwelcomed.abort();
          options.onWelcome(message, helloSentAtBootMs);
          connection.open(session);
          logger.info({ address, sessionNo: message.sessionNo, pool: message.pool }, "session opened");
          background ??= beat(call, message.heartbeatEveryMs, beats, over.signal);
        } else if (message.kind === "heartbeatReply") {
          reconnectWithinMs = ownReconnectWindowMs(message.reconnectWithinMs ?? 0, leaseTtlMs);
          const sentAtBootMs = beats.get(message.heartbeatNo);
          for (const no of beats.keys()) if (no <= message.heartbeatNo) beats.delete(no);
          if (sentAtBootMs !== undefined) options.onHeartbeatReply(message, sentAtBootMs);
        } else {
          options.onMessage(message, call.send.bind(call));
        }
      }
      if (!stopping.signal.aborted) logger.info({ address }, "session ended");
    } catch (error) {
      if (error instanceof Refusal && error.code === "unauthenticated" && options.certificate !== undefined) {
        await renewRefused(error);
      } else if (error instanceof Refusal && isFinal(error)) {
        stopping.abort("refused");
        options.onRefused(error);
      } else if (error instanceof WireFault || error instanceof Refusal)
        logger.warn({ address, code: error.code, why: error.message }, "session broke");
      else throw error;
    } finally {
      stopping.signal.removeEventListener("abort", sayGoodbye);
      over.abort();
      await background;
      if (session !== undefined) connection.closed(session);
      call.close();
      client.close();
    }
    if (session !== undefined) return "welcomed";
    return isUnanswered ? "unanswered" : "failed";
  }

  /** True when it was closed here. */
  async function closeAfter(call: SessionCall, waitMs: number, unless: AbortSignal): Promise<boolean> {
    await clock.sleep(waitMs, unless);
    if (unless.aborted) return false;
    call.close();
    return true;
  }

  async function beat(call: SessionCall, everyMs: number, beats: Map<number, number>, over: AbortSignal) {
    for (let heartbeatNo = 1; !over.aborted; heartbeatNo++) {
      if (beats.size >= HEARTBEATS_UNANSWERED_MAX) {
        logger.warn({ unanswered: beats.size }, "the controller does not answer heartbeats");
        return call.close();
      }
      beats.set(heartbeatNo, options.bootClockMs());
      call.send({ kind: "heartbeat", heartbeatNo, ...options.heartbeat() });
      beatSoon = new AbortController();
      await clock.sleep(everyMs * (0.9 + 0.2 * Math.random()), AbortSignal.any([over, beatSoon.signal]));
    }
  }

  return {
    async start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
    say(message) {
      current?.send(message);
    },
    heartbeatSoon() {
      beatSoon.abort();
    },
    reconnect() {
      current?.close();
    },
  };
}

/** What another try would not change. */
function isFinal(refusal: Refusal): boolean {
  return ["conflict", "not_allowed", "unauthenticated", "unsupported_version"].includes(refusal.code);
}
