import {
  changeScalingPolicy,
  encodeProviderSettings,
  encodeScalingPolicy,
  findPolicyConflict,
} from "@windrow/contract";
import { decideScale, effectivePolicy, Refusal, SCALING_POLICY_DEFAULT } from "@windrow/model";
import {
  countPoolAgents,
  listMachineErrors,
  listPoolViews,
  listScaleDecisions,
  type PoolView,
  readHistory,
  readPoolWaits,
  readScalePools,
} from "@windrow/store";
import { gatherFacts, startMsOf } from "../../scaling/gather-facts.ts";
import { readFarmLook } from "../../scaling/read-farm-look.ts";
import { runSimulation } from "../../scaling/run-simulation.ts";
import type { ApiDeps } from "../api-deps.ts";
import { presentDecision, presentRecorded, presentSimulated, presentWaits } from "../present/present-scaling.ts";
import type { RouteHandlers } from "../route-handler.ts";

type Names = "viewPoolScaling" | "listScaleDecisions" | "simulatePool";

const HOUR_MS = 3_600_000;
const DECISIONS_SHOWN = 10;
const ERRORS_SHOWN = 5;
const SIMULATIONS_MAX = 4;
const NO_AGENTS = { starting: 0, idle: 0, busy: 0, draining: 0, suspect: 0, ending: 0 };

export function createScalingRoutes({ db, clock, stopping }: ApiDeps): Pick<RouteHandlers, Names> {
  let simulating: Promise<unknown> = Promise.resolve();
  let simulationsCount = 0;

  return {
    async viewPoolScaling({ params: { pool: name } }) {
      const pool = await require(name);
      const { targetWaitMs } = pool.scaling ?? SCALING_POLICY_DEFAULT;
      const [look, counts, hour, day, decisions, errors] = await Promise.all([
        readFarmLook(db, clock.nowMs()),
        countPoolAgents(db),
        readPoolWaits(db, { pool: name, sinceMs: HOUR_MS, targetWaitMs }),
        readPoolWaits(db, { pool: name, sinceMs: 24 * HOUR_MS, targetWaitMs }),
        listScaleDecisions(db, { pool: name, limit: DECISIONS_SHOWN }),
        listMachineErrors(db, name, ERRORS_SHOWN),
      ]);
      const facts = gatherFacts(look).get(name);
      const decision = facts === undefined ? undefined : decideScale(facts);
      const bounds = facts === undefined ? undefined : effectivePolicy(facts.policy, facts.nowMs);
      const queued = facts?.jobs.filter((job) => job.inMs === 0);
      return {
        pool: name,
        scaling: pool.scaling === null ? null : encodeScalingPolicy(pool.scaling),
        bounds: bounds === undefined ? null : { min: bounds.min, max: bounds.max, warm_min: bounds.warmMin },
        provider: pool.provider === null ? null : encodeProviderSettings(pool.provider),
        desired: decision?.desired ?? null,
        reason: decision?.reason ?? null,
        agents: { ...(counts.find((one) => one.pool === name)?.counts ?? NO_AGENTS) },
        queued_jobs: queued?.length ?? null,
        soon_jobs: facts === undefined || queued === undefined ? null : facts.jobs.length - queued.length,
        oldest_wait_ms:
          queued === undefined || queued.length === 0 ? null : Math.max(...queued.map((job) => job.waitedMs)),
        start_ms: facts?.startMs ?? null,
        waits: { hour: presentWaits(hour), day: presentWaits(day) },
        warm_percent: day.warmPercent,
        decisions: decisions.map(presentDecision),
        provider_errors: errors.map(({ machine, state, error, at, retryAt }) => ({
          machine,
          state,
          error,
          at: at.toISOString(),
          retry_at: retryAt?.toISOString() ?? null,
        })),
      };
    },

    async listScaleDecisions({ params: { pool }, query: { limit, cursor } }) {
      await require(pool);
      const beforeId = cursor === undefined ? undefined : Number(cursor);
      if (beforeId !== undefined && !Number.isSafeInteger(beforeId)) throw new Refusal("invalid", "not a cursor");
      const rows = await listScaleDecisions(db, { pool, limit, beforeId });
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return { items: rows.map(presentDecision), next_cursor: last === undefined ? null : String(last.id) };
    },

    async simulatePool({ params, body }) {
      const pool = await require(params.pool);
      const policy = changeScalingPolicy(body.scaling ?? {}, pool.scaling);
      const conflict = findPolicyConflict(policy);
      if (conflict !== undefined) throw new Refusal("invalid", conflict);
      if (simulationsCount >= SIMULATIONS_MAX) {
        throw new Refusal("too_many", "other simulations are under way", { hint: "try again in a moment" });
      }
      simulationsCount += 1;
      // one after the other: each takes a processor
      const mine = simulating
        .then(() => simulate(pool, policy, body.since_ms))
        .finally(() => {
          simulationsCount -= 1;
        });
      simulating = mine.catch(() => undefined);
      return mine;
    },
  };

  async function simulate(pool: PoolView, policy: NonNullable<PoolView["scaling"]>, sinceMs: number) {
    const toMs = clock.nowMs();
    // before the farm was there nothing cost anything
    const fromMs = Math.max(toMs - sinceMs, pool.created_at.getTime());
    const { name } = pool;
    const [history, rows] = await Promise.all([readHistory(db, { pool: name, fromMs, toMs }), readScalePools(db)]);
    const starts = rows.find((row) => row.name === name)?.startsMs ?? [];
    const replay = (tried: typeof policy) =>
      runSimulation(
        {
          ...{ pool: name, policy: tried, jobs: history.jobs, toMs, jobsMax: pool.jobs_max },
          // jobs that were queued before the time began are replayed from when they were
          fromMs: Math.min(fromMs, history.jobs[0]?.readyAtMs ?? fromMs),
          startMs: { usual: startMsOf(starts, 50), slow: startMsOf(starts, tried.targetPercent) },
          slots: pool.slots_per_agent ?? 1,
          targetWaitMs: policy.targetWaitMs,
        },
        { clock, signal: stopping },
      );
    const changed = await replay(policy);
    const today = pool.scaling === null ? null : await replay(pool.scaling);
    return {
      pool: name,
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      jobs_count: history.jobs.length,
      is_cut: history.isCut,
      start_ms: { usual: startMsOf(starts, 50), slow: startMsOf(starts, policy.targetPercent) },
      recorded: presentRecorded(history, policy, pool.scaling),
      today: pool.scaling === null || today === null ? null : presentSimulated(today, pool.scaling),
      changed: presentSimulated(changed, policy),
    };
  }

  async function require(name: string): Promise<PoolView> {
    const [view] = await listPoolViews(db, { name });
    if (view !== undefined) return view;
    throw new Refusal("not_found", `there is no pool '${name}'`, { hint: "`windrow pool list` shows them" });
  }
}
