import { Refusal } from "@windrow/model";
import { failpoint } from "@windrow/service";
import { type AttemptStart, type Database, type StartedAttempt, startAttempts } from "@windrow/store";
import type { AgentCaller, StartAttemptReply, StartAttemptRequest } from "@windrow/wire";
import type { DatabaseWatch } from "../database-watch.ts";
import type { Metrics } from "../metrics.ts";
import type { Announcer } from "../runs/announcer.ts";
import { type Batcher, createBatcher } from "./batcher.ts";
import { createJobToken, hashToken } from "./job-token.ts";
import type { PlanMaker } from "./plan-maker.ts";

export interface StartDeps {
  readonly db: Database;
  readonly watch: DatabaseWatch;
  readonly plans: PlanMaker;
  readonly metrics: Metrics;
  readonly announcer: Announcer;
}

type Started = StartedAttempt | "revoked";
const BATCH_MAX = 50;
const QUEUE_MAX = 2_000;

/** Turns an offer into a running attempt; a replay gives the stored plan and a fresh job token. */
export function createStartAttempt(deps: StartDeps) {
  const batcher: Batcher<AttemptStart, Started> = createBatcher({
    name: "attempts to start",
    batchMax: BATCH_MAX,
    queueMax: QUEUE_MAX,
    keyOf: (start) => start.attemptId,
    async runBatch(starts) {
      const started = await deps.watch.watch(() => startAttempts(deps.db, starts));
      const byId = new Map(started.map((one) => [one.attemptId, one]));
      return starts.map((start) => byId.get(start.attemptId) ?? "revoked");
    },
  });

  return async (caller: AgentCaller, { lease }: StartAttemptRequest): Promise<StartAttemptReply> => {
    const plan = await deps.watch.watch(() => deps.plans.make(lease.attemptId));
    const jobToken = createJobToken();
    const started = await batcher.submit({
      ...lease,
      agentId: caller.agentId,
      plan,
      jobTokenHash: hashToken(jobToken),
    });
    if (started === "revoked") {
      deps.metrics.staleFence.inc();
      throw new Refusal("revoked", `attempt ${lease.attemptId} is not yours to start`);
    }
    await failpoint("controller.after-start-commit");
    deps.announcer.announceRun(started.runId);
    await failpoint("controller.before-start-reply");
    return {
      plan: started.plan,
      masks: [],
      jobToken,
      cancelRequested: started.cancelRequested,
      ...(started.cancelRequested && { cancelReason: started.cancelReason ?? "cancelled" }),
    };
  };
}
