import { randomUUID } from "node:crypto";
import type { Clock } from "@windrow/service";
import { type Database, type DispatcherTerm, electDispatcher, renewDispatcher, resignDispatcher } from "@windrow/store";

/** Which pools this controller dispatches, and until when it may trust that. */
export interface PoolTerms {
  /** Takes free pools and extends those held. */
  keep(): Promise<void>;
  /** The term of a pool, while it can be trusted; the grant itself checks it again. */
  find(pool: string): DispatcherTerm | undefined;
  pools(): string[];
  /** Gives every pool up, so that another controller takes over at once. */
  resign(): Promise<void>;
}

export const TERM_TTL_MS = 5_000;
/** Trust ends this much before the row's end, counted from before the renewal was sent. */
const TERM_MARGIN_MS = 1_000;

export function createPoolTerms(deps: {
  readonly db: Database;
  readonly clock: Clock;
  readonly controllerId: string;
}): PoolTerms {
  const held = new Map<string, { readonly term: DispatcherTerm; readonly untilMs: number }>();

  function trust(terms: readonly DispatcherTerm[], startedMs: number): void {
    for (const term of terms) held.set(term.pool, { term, untilMs: startedMs + TERM_TTL_MS - TERM_MARGIN_MS });
  }

  return {
    async keep() {
      const startedMs = deps.clock.monotonicMs();
      const terms = [...held.values()].map((entry) => entry.term);
      const kept = await renewDispatcher(deps.db, { terms, ttlMs: TERM_TTL_MS });
      const keptPools = new Set(kept.map((term) => term.pool));
      for (const { pool } of terms) if (!keptPools.has(pool)) held.delete(pool);
      trust(kept, startedMs);
      const { controllerId } = deps;
      trust(await electDispatcher(deps.db, { controllerId, termId: randomUUID(), ttlMs: TERM_TTL_MS }), startedMs);
    },
    find(pool) {
      const entry = held.get(pool);
      return entry !== undefined && deps.clock.monotonicMs() < entry.untilMs ? entry.term : undefined;
    },
    pools: () => [...held.keys()],
    async resign() {
      const terms = [...held.values()].map((entry) => entry.term);
      held.clear();
      await resignDispatcher(deps.db, terms);
    },
  };
}
