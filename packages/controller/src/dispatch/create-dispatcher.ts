import { type AgentId, type GrantHistory, NO_GRANTS } from "@windrow/model";
import { type Clock, failpoint, type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import { type Database, type GrantedLease, listPopulatedPools, type PoolRow, readPools } from "@windrow/store";
import { type Bus, type BusSubscription, everyWake, wakesOf } from "@windrow/wire";
import type { Metrics } from "../metrics.ts";
import { dispatchPool } from "./dispatch-pool.ts";
import type { PoolTerms } from "./pool-terms.ts";

export interface DispatcherDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly bus: Bus | undefined;
  readonly terms: PoolTerms;
  readonly onGranted: (granted: readonly GrantedLease[]) => void;
}

export interface Dispatcher extends Service {
  /** Something may be grantable: here, or on the controllers that dispatch the other pools. */
  wake(): void;
  /** An agent of this pool may have room: looks a moment later, once for all that ask meanwhile, since a fleet comes together. */
  wakeSoon(pool: string): void;
  /** Offers nothing to this agent for a moment: it declined. The moment grows while it goes on declining. */
  avoid(agentId: AgentId): void;
}

const TICK_MS = 1_000;
/** A pool that had no agents a moment ago is looked at only so long after a wake, that those with agents go first. */
const EMPTY_POOL_WAKE_MS = 100;
const WAKE_SOON_MS = 50;
/** An agent whose slot is not free yet, since it just ended a job, has it soon. */
const AVOID_FIRST_MS = 50;
const AVOID_MS_MAX = 1_000;
const AVOIDED_MAX = 10_000;
/** Passes of one pool in a row before the others get a turn. */
const PASSES_MAX = 20;

/**
 * Grants the queued jobs of the pools whose term this controller holds: one loop for the terms, one per pool for the
 * grants. Woken by commits (here and, over NATS, elsewhere), else every second.
 */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { db, clock, logger, metrics, bus, terms } = deps;
  const loops = new Map<string, Loop>();
  const avoided = new Map<AgentId, { readonly untilMs: number; readonly forMs: number }>();
  const stopping = new AbortController();
  /** What this controller granted lately: a memory for the fair share, begun anew by a new dispatcher. */
  const histories = new Map<string, GrantHistory>();
  const rechecks = new Set<string>();
  let pools = new Map<string, PoolRow>();
  let populated = new Set<string>();
  let keeper: Loop | undefined;
  let wakes: BusSubscription | undefined;

  async function keepTerms(): Promise<void> {
    pools = new Map((await readPools(db)).map((pool) => [pool.name, pool]));
    populated = new Set(await listPopulatedPools(db));
    await terms.keep();
    const forgottenMs = clock.monotonicMs() - AVOID_MS_MAX;
    for (const [agentId, { untilMs }] of avoided) if (untilMs <= forgottenMs) avoided.delete(agentId);
    for (const name of histories.keys()) if (terms.find(name) === undefined) histories.delete(name);
    for (const [name, loop] of loops) {
      if (pools.has(name)) continue;
      loops.delete(name);
      await loop.stop();
    }
    for (const pool of terms.pools()) {
      if (loops.has(pool)) continue;
      const runOnce = (signal: AbortSignal) => dispatch(pool, signal);
      const ofPool = logger.child({ pool });
      loops.set(pool, startLoop({ name: "dispatch", everyMs: TICK_MS, clock, logger: ofPool, runOnce }));
    }
  }

  async function dispatch(name: string, signal: AbortSignal): Promise<void> {
    for (let pass = 0; pass < PASSES_MAX && !signal.aborted; pass++) {
      const pool = pools.get(name);
      const term = terms.find(name);
      if (pool === undefined || term === undefined || pool.isPaused) return;
      const startedMs = clock.monotonicMs();
      const hasOtherPools = [...pools.values()].some(
        (one) => one.name !== name && !one.isPaused && populated.has(one.name),
      );
      const history = histories.get(name) ?? NO_GRANTS;
      const pass = await dispatchPool({ db, isAvoided }, { pool, term, hasOtherPools, history, atMs: startedMs });
      const { granted, isMore, waitedMs } = pass;
      histories.set(name, pass.history);
      if (pass.recheckMs !== null) recheck(name, pass.recheckMs);
      metrics.dispatchPassSeconds.observe((clock.monotonicMs() - startedMs) / 1_000);
      if (granted.length > 0) {
        await failpoint("controller.after-grant-commit");
        metrics.granted.inc({ pool: name }, granted.length);
        metrics.warmGrants.inc({ pool: name }, granted.filter((lease) => lease.isWarm).length);
        for (const ms of waitedMs) metrics.queueWaitSeconds.observe({ pool: name }, ms / 1_000);
        deps.onGranted(granted);
      }
      if (!isMore) return;
    }
    loops.get(name)?.wake();
  }

  function wakePool(name: string): void {
    if (populated.has(name)) loops.get(name)?.wake();
    else recheck(name, EMPTY_POOL_WAKE_MS);
  }

  /** Looks again after a while, however often it is asked meanwhile: jobs were left to a better pool, for example. */
  function recheck(name: string, afterMs: number): void {
    if (rechecks.has(name)) return;
    rechecks.add(name);
    void clock.sleep(afterMs, stopping.signal).then(() => {
      rechecks.delete(name);
      loops.get(name)?.wake();
    });
  }

  const isAvoided = (agentId: AgentId): boolean => (avoided.get(agentId)?.untilMs ?? 0) > clock.monotonicMs();

  function avoid(agentId: AgentId): void {
    if (isAvoided(agentId) || avoided.size >= AVOIDED_MAX) return;
    const before = avoided.get(agentId);
    const forMs = before === undefined ? AVOID_FIRST_MS : Math.min(before.forMs * 2, AVOID_MS_MAX);
    avoided.set(agentId, { untilMs: clock.monotonicMs() + forMs, forMs });
    void clock.sleep(forMs, stopping.signal).then(() => {
      for (const loop of loops.values()) loop.wake();
    });
  }

  return {
    wake() {
      for (const name of loops.keys()) wakePool(name);
      // whoever dispatches the other pools listens; a pool nobody holds is found by the tick
      for (const pool of pools.keys()) if (terms.find(pool) === undefined) bus?.publish(wakesOf(pool), { pool });
    },
    wakeSoon(pool) {
      if (terms.find(pool) !== undefined) recheck(pool, WAKE_SOON_MS);
      else bus?.publish(wakesOf(pool), { pool });
    },
    avoid,
    async start() {
      wakes = bus?.subscribe(everyWake, ({ pool }) => wakePool(pool));
      await keepTerms();
      keeper = startLoop({ name: "pool terms", everyMs: TICK_MS, clock, logger, runOnce: keepTerms });
    },
    async stop() {
      stopping.abort();
      wakes?.close();
      await keeper?.stop();
      await Promise.all([...loops.values()].map((loop) => loop.stop()));
      loops.clear();
      await terms.resign();
    },
  };
}
