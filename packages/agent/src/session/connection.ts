import { Refusal } from "@windrow/model";
import { backoffMs, type Clock, type Logger } from "@windrow/service";
import { type AgentApiClient, WireFault } from "@windrow/wire";

/** The session of the moment. */
export interface ControllerSession {
  readonly client: AgentApiClient;
  readonly sessionNo: number;
  /** Aborts when the session is over. */
  readonly over: AbortSignal;
}

/** Where everything that talks to the controller finds the session of the moment. */
export interface Connection {
  current(): ControllerSession | undefined;
  /** Waits for a session; throws the reason of `signal` when that aborts first. */
  ready(signal: AbortSignal): Promise<ControllerSession>;
  /**
   * Runs one call until the controller answered it: through outages, and again under the next session when a session
   * ended under it. Throws the controller's refusal, or the reason of `signal`. A `revoked` counts only when it was said
   * to the session that is still the newest: to an older one it says nothing about the lease.
   */
  call<T>(work: (session: ControllerSession) => Promise<T>, signal: AbortSignal): Promise<T>;
  open(session: ControllerSession): void;
  closed(session: ControllerSession): void;
}

const CALL_BACKOFF = { firstMs: 100, maxMs: 5_000 };

export function createConnection(options: { readonly clock: Clock; readonly logger: Logger }): Connection {
  const { clock, logger } = options;
  let session: ControllerSession | undefined;
  const waiting = new Set<(session: ControllerSession) => void>();

  function ready(signal: AbortSignal): Promise<ControllerSession> {
    signal.throwIfAborted();
    if (session !== undefined) return Promise.resolve(session);
    return new Promise((resolve, reject) => {
      const give = (next: ControllerSession) => {
        signal.removeEventListener("abort", stop);
        resolve(next);
      };
      const stop = () => {
        waiting.delete(give);
        reject(signal.reason);
      };
      waiting.add(give);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  return {
    current: () => session,
    ready,
    async call(work, signal) {
      for (let tryNo = 1; ; tryNo++) {
        const under = await ready(signal);
        try {
          return await work(under);
        } catch (error) {
          signal.throwIfAborted();
          const isOutdated = session !== under;
          if (!isWorthAnotherTry(error, isOutdated)) throw error;
          if (isOutdated) continue;
          const delayMs = backoffMs(tryNo, CALL_BACKOFF, Math.random());
          logger.debug({ err: error, delayMs }, "call is tried again");
          await clock.sleep(delayMs, AbortSignal.any([signal, under.over]));
        }
      }
    },
    open(next) {
      session = next;
      for (const give of waiting) give(next);
      waiting.clear();
    },
    closed(ended) {
      if (session === ended) session = undefined;
    },
  };
}

function isWorthAnotherTry(error: unknown, isOutdated: boolean): boolean {
  if (error instanceof WireFault) return error.retryable || isOutdated;
  if (error instanceof Refusal) return error.code === "revoked" && isOutdated;
  return false;
}
