import { Refusal, type StepReport } from "@windrow/model";
import { type Database, type ReportedAttempt, reportSteps, type StepFacts } from "@windrow/store";
import type { AgentCaller, ReportStepsReply, ReportStepsRequest } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { Metrics } from "../metrics.ts";
import type { Announcer } from "../runs/announcer.ts";
import { type Batcher, createBatcher } from "./batcher.ts";

export interface ReportDeps {
  readonly db: Database;
  readonly watch: DatabaseWatch;
  readonly metrics: Metrics;
  readonly announcer: Announcer;
}

const BATCH_MAX = 100;
const QUEUE_MAX = 4_000;
/** A plan has fewer steps than this by the limits of the workflow language. */
const STEPS_MAX = 10_000;

/** Throws the refusal of a message that names too many. */
export function checkStepsCount(steps: readonly StepReport[]): void {
  if (steps.length > STEPS_MAX) throw new Refusal("too_large", `more than ${STEPS_MAX} steps in one report`);
}

/** Writes what an agent says of its steps. */
export function createReportSteps(deps: ReportDeps) {
  const batcher: Batcher<StepFacts, ReportedAttempt | "revoked"> = createBatcher({
    name: "step reports",
    batchMax: BATCH_MAX,
    queueMax: QUEUE_MAX,
    keyOf: (fact) => fact.attemptId,
    async runBatch(facts) {
      const reported = await deps.watch.watch(() => reportSteps(deps.db, facts));
      const byId = new Map(reported.map((one) => [one.attemptId, one]));
      return facts.map((fact) => byId.get(fact.attemptId) ?? "revoked");
    },
  });

  return async (caller: AgentCaller, { lease, steps }: ReportStepsRequest): Promise<ReportStepsReply> => {
    checkStepsCount(steps);
    const reported = await batcher.submit({ ...lease, agentId: caller.agentId, steps });
    if (reported === "revoked") {
      deps.metrics.staleFence.inc();
      throw new Refusal("revoked", `attempt ${lease.attemptId} is not yours any more`);
    }
    deps.announcer.announceRun(reported.runId);
    return { cancelRequested: reported.cancelRequested };
  };
}
