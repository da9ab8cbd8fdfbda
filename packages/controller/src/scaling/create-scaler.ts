import { type DurationBook, decideScale, type ScaleFacts } from "@windrow/model";
import { type Clock, type Logger, type Loop, type Service, startLoop } from "@windrow/service";
import {
  type Database,
  type DispatcherTerm,
  listScaleDecisions,
  readDemand,
  readScaleAgents,
  readScalePools,
} from "@windrow/store";
import type { PoolTerms } from "../dispatch/pool-terms.ts";
import { applyDecision, type LastDecision } from "./apply-decision.ts";
import { gatherFacts } from "./gather-facts.ts";
import { readDurationBook } from "./read-farm-look.ts";
import type { ScalingMetrics } from "./scaling-metrics.ts";

export interface ScalerDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ScalingMetrics;
  readonly terms: Pick<PoolTerms, "find" | "pools">;
}

export interface Scaler extends Service {
  /** One look at all pools, and a decision about each scaled one whose term this controller holds. */
  runOnce(): Promise<void>;
}

const TICK_MS = 1_000;
/** What jobs take is learnt anew this often. */
const BOOK_MS = 15_000;

/**
 * Decides how many agents the scaled pools have. The farm is read as a whole, since a job that several pools could run is
 * to be counted once; each pool is decided by the one controller that dispatches it.
 */
export function createScaler(deps: ScalerDeps): Scaler {
  const { db, clock, logger, metrics, terms } = deps;
  const last = new Map<string, LastDecision>();
  let book: { readonly value: DurationBook; readonly atMs: number } | undefined;
  let loop: Loop | undefined;

  async function runOnce(): Promise<void> {
    const pools = await readScalePools(db);
    const scaled = pools.filter((pool) => pool.scaling !== null).map((pool) => pool.name);
    // before the agents are read: what was decided in a later term, by anybody, is not among them
    const held = new Map(
      scaled.flatMap((name) => {
        const term = terms.find(name);
        return term === undefined ? [] : [[name, term]];
      }),
    );
    metrics.keepPools([...held.keys()]);
    for (const name of last.keys()) if (!held.has(name)) last.delete(name);
    if (held.size === 0) return;
    const [agents, demand, durations] = await Promise.all([readScaleAgents(db, scaled), readDemand(db), readBook()]);
    const facts = gatherFacts({ nowMs: clock.nowMs(), pools, agents, demand, book: durations });
    for (const [name, term] of held) {
      const ofPool = facts.get(name);
      if (ofPool === undefined) continue;
      try {
        await scale(term, ofPool);
      } catch (error) {
        // one pool's trouble is not the others': it is decided again in a second
        logger.error({ err: error, pool: name }, "a pool could not be scaled");
      }
    }
  }

  async function scale(term: DispatcherTerm, facts: ScaleFacts): Promise<void> {
    const { pool } = term;
    const decision = decideScale(facts);
    metrics.observe(pool, { facts, decision });
    const before = last.get(pool) ?? (await listScaleDecisions(db, { pool, limit: 1 }))[0];
    const record = await applyDecision(db, { term, facts, decision, last: before });
    last.set(pool, record ?? before ?? decision);
    if (record === undefined) return;
    metrics.count(pool, record);
    const { direction, code, reason, desired, made, ended } = record;
    logger.info({ pool, direction, code, desired, made, ended }, reason);
  }

  async function readBook(): Promise<DurationBook> {
    const nowMs = clock.monotonicMs();
    if (book === undefined || nowMs - book.atMs >= BOOK_MS) {
      book = { value: await readDurationBook(db), atMs: nowMs };
    }
    return book.value;
  }

  return {
    runOnce,
    async start() {
      loop = startLoop({ name: "scaling", everyMs: TICK_MS, clock, logger, runOnce });
    },
    async stop() {
      await loop?.stop();
      loop = undefined;
    },
  };
}
