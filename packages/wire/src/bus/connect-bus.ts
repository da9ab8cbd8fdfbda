import type { Msg, NatsConnection, Subscription } from "nats";
import { BUS_ANSWERS_OPEN_MAX } from "../limits.ts";
import type { WireLogger } from "../wire-logger.ts";
import { keepNatsConnection, type NatsLogin } from "./keep-nats-connection.ts";
import type { RequestSubject, Subject, SubjectPattern } from "./subject.ts";

export type BusState = "connected" | "disconnected" | "closed";

export interface BusOptions extends NatsLogin {
  readonly logger: WireLogger;
  /** Called at every change, so that being without NATS can be counted and shown. */
  readonly onStateChange?: (state: BusState) => void;
}

export interface BusSubscription {
  /** Idempotent. */
  close(): void;
}

/**
 * The doorbell: typed messages over NATS. Every message is a hint, so nothing here throws or waits because NATS is
 * away; what cannot be sent is dropped and counted. Subscriptions outlive disconnections.
 */
export interface Bus {
  readonly state: BusState;
  /** Messages not sent, or received but unusable, since the start. */
  readonly droppedCount: number;
  /** False when the message was dropped. */
  publish<T>(subject: Subject<T>, message: T): boolean;
  /** A message that does not decode is dropped; what `handle` throws is logged. */
  subscribe<T>(pattern: SubjectPattern<T>, handle: (message: T) => void): BusSubscription;
  /** Undefined when nobody answered within `timeoutMs`, nobody listens, or NATS is away. */
  request<Q, A>(
    subject: RequestSubject<Q, A>,
    question: Q,
    options: { readonly timeoutMs: number },
  ): Promise<A | undefined>;
  /** Answers questions; a question whose handler throws stays unanswered. At most BUS_ANSWERS_OPEN_MAX at a time. */
  respond<Q, A>(subject: RequestSubject<Q, A>, handle: (question: Q) => Promise<NoInfer<A>>): BusSubscription;
  /** Resolves at the first connection, or at close. */
  readonly ready: Promise<void>;
  /** Resolves to true when everything published before has reached the server. */
  flush(): Promise<boolean>;
  /** Sends what is waiting, then disconnects. Idempotent; complete when it resolves. */
  close(): Promise<void>;
}

interface Listener {
  readonly subject: string;
  readonly onMessage: (message: Msg) => void;
  subscription: Subscription | undefined;
}

/** Returns at once and connects in the background, again and again, until closed. */
export function connectBus(options: BusOptions): Bus {
  const { logger } = options;
  const listeners = new Set<Listener>();
  let state: BusState = "disconnected";
  let connection: NatsConnection | undefined;
  let droppedCount = 0;

  const kept = keepNatsConnection(options, {
    onConnection(next) {
      connection = next;
      for (const listener of listeners) attach(listener, next);
    },
    onState(next) {
      if (next === state) return;
      state = next;
      options.onStateChange?.(next);
    },
  });

  function attach(listener: Listener, to: NatsConnection): void {
    listener.subscription = to.subscribe(listener.subject, {
      callback: (error, message) => {
        if (error) {
          logger.warn({ err: error, subject: listener.subject }, "NATS refused a subscription");
          return;
        }
        listener.onMessage(message);
      },
    });
  }

  function listen(subject: string, onMessage: (message: Msg) => void): BusSubscription {
    const listener: Listener = { subject, onMessage, subscription: undefined };
    listeners.add(listener);
    if (connection !== undefined && !connection.isClosed()) attach(listener, connection);
    return {
      close() {
        if (!listeners.delete(listener)) return;
        if (connection !== undefined && !connection.isClosed()) listener.subscription?.unsubscribe();
      },
    };
  }

  /** A connection that can send now, else undefined: nats.js would keep messages for later without a bound. */
  const usable = (): NatsConnection | undefined => (state === "connected" ? connection : undefined);

  function attempt<T>(what: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      droppedCount++;
      logger.warn({ err: error, subject: what }, "a NATS message was dropped");
      return undefined;
    }
  }

  return {
    get state() {
      return state;
    },
    get droppedCount() {
      return droppedCount;
    },
    ready: kept.ready,
    publish(subject, message) {
      const to = usable();
      if (to === undefined) {
        droppedCount++;
        return false;
      }
      return (
        attempt(subject.name, () => {
          to.publish(subject.name, subject.encode(message));
          return true;
        }) ?? false
      );
    },
    subscribe(pattern, handle) {
      return listen(pattern.name, (message) => {
        attempt(message.subject, () => handle(pattern.decode(message.data)));
      });
    },
    async request(subject, question, { timeoutMs }) {
      const to = usable();
      if (to === undefined) {
        droppedCount++;
        return undefined;
      }
      let reply: Msg;
      try {
        reply = await to.request(subject.name, subject.encode(question), { timeout: timeoutMs });
      } catch (error) {
        // No listener, no answer in time, or the connection went: one and the same for a hint.
        logger.debug({ err: error, subject: subject.name }, "a NATS request was not answered");
        return undefined;
      }
      return attempt(subject.name, () => subject.decodeAnswer(reply.data));
    },
    respond(subject, handle) {
      let openCount = 0;
      const answer = async (message: Msg) => {
        try {
          message.respond(subject.encodeAnswer(await handle(subject.decode(message.data))));
        } catch (error) {
          droppedCount++;
          logger.warn({ err: error, subject: subject.name }, "a NATS request was left unanswered");
        } finally {
          openCount--;
        }
      };
      return listen(subject.name, (message) => {
        if (openCount >= BUS_ANSWERS_OPEN_MAX) {
          droppedCount++;
          return;
        }
        openCount++;
        void answer(message);
      });
    },
    async flush() {
      const to = usable();
      if (to === undefined) return false;
      return to.flush().then(
        () => true,
        () => false,
      );
    },
    close: () => kept.close(),
  };
}
