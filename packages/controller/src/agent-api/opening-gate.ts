import { Refusal } from "@windrow/model";

/** Lets only so many through at once; the others wait in the order in which they came. */
export interface OpeningGate {
  /** Throws the reason of `signal` when that aborted before it was its turn, and `too_many` when too many wait. */
  pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/**
 * Sessions that are opened at once, each in a transaction: a part of the connections to the database, since a fleet that
 * comes back must not keep heartbeats and jobs from it.
 */
const OPENINGS_MAX = 4;
const WAITING_MAX = 20_000;

/** What waits for an agent that has hung up meanwhile is never begun: work for nobody keeps a controller overloaded. */
export function createOpeningGate(): OpeningGate {
  const waiting: (() => void)[] = [];
  let openCount = 0;
  return {
    async pass(work, signal) {
      if (openCount < OPENINGS_MAX) openCount++;
      else if (waiting.length >= WAITING_MAX) throw new Refusal("too_many", "too many sessions wait to be opened");
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        signal.throwIfAborted();
        return await work();
      } finally {
        // the place is handed on, or free
        const next = waiting.shift();
        if (next === undefined) openCount--;
        else next();
      }
    },
  };
}
