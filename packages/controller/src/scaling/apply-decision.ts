import type { ScaleCode, ScaleDecision, ScaleFacts } from "@windrow/model";
import {
  type Database,
  type DispatcherTerm,
  endMachine,
  inTransaction,
  lockTerm,
  MACHINES_REQUESTED_MAX,
  recordScaleDecision,
  requestMachines,
  type ScaleDecisionRecord,
} from "@windrow/store";

/** Nothing is to be done, and nothing keeps it from being done. */
const QUIET_CODES: ReadonlySet<ScaleCode> = new Set(["starting", "cooling", "enough"]);

/** What was last written down about a pool. */
export type LastDecision = Pick<ScaleDecisionRecord, "code" | "desired">;

/**
 * Carries a decision out, as far as it still may be: an agent that got a job in the meantime stays. What became of it is
 * returned when it was written down: when agents come or go, or the reason is another one than before.
 */
export async function applyDecision(
  db: Database,
  of: {
    readonly term: DispatcherTerm;
    readonly facts: ScaleFacts;
    readonly decision: ScaleDecision;
    readonly last: LastDecision | undefined;
  },
): Promise<ScaleDecisionRecord | undefined> {
  const { term, decision, facts, last } = of;
  const { pool } = term;
  let ended = 0;
  // each in its own transaction: every one locks its agent
  for (const { machineId, reason } of decision.end) {
    const isEnding = await inTransaction(
      db,
      async (tx) => (await lockTerm(tx, term)) && endMachine(tx, { machineId, reason }),
    );
    if (isEnding) ended += 1;
  }
  const { code, reason, desired } = decision;
  // while nothing is in the way, the number alone is no news
  const isNews = last?.code !== code || (last.desired !== desired && !QUIET_CODES.has(code));
  if (decision.make === 0 && ended === 0 && !isNews) return undefined;
  return inTransaction(db, async (tx) => {
    if (!(await lockTerm(tx, term))) return undefined;
    const count = Math.min(decision.make, MACHINES_REQUESTED_MAX);
    const made = count === 0 ? 0 : (await requestMachines(tx, { pool, count, reason })).length;
    const record: ScaleDecisionRecord = {
      direction: made > 0 ? "up" : ended > 0 ? "down" : "hold",
      code,
      reason,
      desired,
      made,
      ended,
      ...countAgents(facts),
      queued: facts.jobs.filter((job) => job.inMs === 0).length,
    };
    await recordScaleDecision(tx, pool, record);
    return record;
  });
}

function countAgents({ agents }: ScaleFacts): Pick<ScaleDecisionRecord, "starting" | "idle" | "busy"> {
  const count = (state: string): number => agents.filter((agent) => agent.state === state).length;
  return { starting: count("starting"), idle: count("idle"), busy: count("busy") };
}
