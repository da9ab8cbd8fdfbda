import { effectiveJobPolicy, type Plan, Refusal } from "@windrow/model";
import { failpoint } from "@windrow/service";
import { type AttemptStart, type StartedAttempt, startAttempts } from "@windrow/store";
import {
  type AgentCaller,
  EVENT_INLINE_BYTES_MAX,
  type StartAttemptReply,
  type StartAttemptRequest,
} from "@windrow/wire";
import { ExpressionFailure } from "@windrow/workflow";
import type { DatabaseWatch } from "../database-watch.ts";
import type { Metrics } from "../metrics.ts";
import type { Announcer } from "../runs/announcer.ts";
import type { EndDeps } from "../runs/end-attempt-run.ts";
import { failOffer } from "../runs/end-offer.ts";
import { type Batcher, createBatcher } from "./batcher.ts";
import { createJobToken, hashToken } from "./job-token.ts";
import type { PlanMaker } from "./plan-maker.ts";

export interface StartDeps extends EndDeps {
  readonly watch: DatabaseWatch;
  readonly plans: PlanMaker;
  readonly metrics: Metrics;
  readonly announcer: Announcer;
}

type Started = StartedAttempt | "revoked";
const BATCH_MAX = 50;
const QUEUE_MAX = 2_000;
const EXPRESSION_SHOWN_CHARS = 200;

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

  /** A job whose plan cannot be made fails here: offered again and again, it would never start. */
  async function makePlan(caller: AgentCaller, { lease }: StartAttemptRequest): Promise<Plan> {
    try {
      return await deps.watch.watch(() => deps.plans.make(lease.attemptId));
    } catch (error) {
      // the same for another's attempt and for none: nobody learns which there are
      if (error instanceof Refusal && error.code === "not_found") throw notYours(lease.attemptId);
      if (!(error instanceof ExpressionFailure)) throw error;
      const message = `${error.message} (in the expression: ${error.expression.slice(0, EXPRESSION_SHOWN_CHARS)})`;
      const advanced = await deps.watch.watch(() => failOffer(deps, { ...lease, agentId: caller.agentId, message }));
      if (advanced === undefined) throw notYours(lease.attemptId);
      deps.announcer.announce(advanced);
      throw new Refusal("revoked", `attempt ${lease.attemptId} cannot start: ${message}`);
    }
  }

  return async (caller: AgentCaller, request: StartAttemptRequest): Promise<StartAttemptReply> => {
    const { lease } = request;
    const plan = await makePlan(caller, request);
    const jobToken = createJobToken();
    const started = await batcher.submit({
      ...lease,
      agentId: caller.agentId,
      plan,
      jobTokenHash: hashToken(jobToken),
    });
    if (started === "revoked") {
      deps.metrics.staleFence.inc();
      throw notYours(lease.attemptId);
    }
    await failpoint("controller.after-start-commit");
    deps.announcer.announceRun(started.runId);
    const text = await deps.watch.watch(() => deps.texts.read(deps.db, started.runId));
    const event = Buffer.from(text.eventJson);
    await failpoint("controller.before-start-reply");
    return {
      plan: started.plan,
      masks: [],
      jobToken,
      cancelRequested: started.cancelRequested,
      policy: effectiveJobPolicy(started.jobSettings, started),
      ...(event.length <= EVENT_INLINE_BYTES_MAX && { event }),
      ...(started.cancelRequested && { cancelReason: started.cancelReason ?? "cancelled" }),
    };
  };
}

const notYours = (attemptId: string): Refusal => new Refusal("revoked", `attempt ${attemptId} is not yours to start`);
