import { type AttemptId, type Plan, Refusal } from "@windrow/model";
import { type Database, readStartFacts, type StartFacts } from "@windrow/store";
import { buildPlan, mergeNeedOutputs } from "@windrow/workflow";
import { findJobDefinition, localKey } from "../runs/job-path.ts";
import { toPlanFacts, toRunScope } from "../runs/run-plan-facts.ts";
import type { RunTexts } from "../runs/run-texts.ts";

/** Makes plans; one is made ahead while its offer is on the way. */
export interface PlanMaker {
  /** Starts making the plans of attempts that were just granted. */
  prepare(attemptIds: readonly AttemptId[]): void;
  /** Throws `not_found`, or an ExpressionFailure when a default cannot be evaluated. */
  make(attemptId: AttemptId): Promise<Plan>;
}

export interface PlanMakerDeps {
  readonly db: Database;
  readonly texts: RunTexts;
  readonly publicUrl: () => string;
}

const PREPARED_MAX = 1_000;

export function createPlanMaker(deps: PlanMakerDeps): PlanMaker {
  const prepared = new Map<AttemptId, Promise<Plan>>();

  async function makeNow(attemptId: AttemptId): Promise<Plan> {
    const [facts] = await readStartFacts(deps.db, [attemptId]);
    if (facts === undefined) throw new Refusal("not_found", `there is no attempt ${attemptId}`);
    return build(facts);
  }

  async function build(facts: StartFacts): Promise<Plan> {
    const text = await deps.texts.read(deps.db, facts.id);
    const job = findJobDefinition(text.definition, facts.jobKey);
    return buildPlan({
      scope: toRunScope(facts, text.definition, facts.calls),
      vars: facts.vars,
      job,
      matrix: facts.matrix,
      jobIndex: facts.matrixIndex,
      jobTotal: facts.matrixTotal,
      needs: job.needs.map((key) => mergeNeedOutputs(key, finishedOf(facts, key))),
      facts: toPlanFacts(facts, { publicUrl: deps.publicUrl(), eventJson: text.eventJson }),
      name: facts.jobName,
      timeoutMs: facts.timeoutMs,
    });
  }

  return {
    prepare(attemptIds) {
      const read = readStartFacts(deps.db, attemptIds);
      for (const attemptId of attemptIds) {
        const plan = read.then((all) => {
          const facts = all.find((one) => one.attemptId === attemptId);
          if (facts === undefined) throw new Refusal("not_found", `there is no attempt ${attemptId}`);
          return build(facts);
        });
        // whoever asks makes it anew; nobody may ask
        plan.catch(() => prepared.delete(attemptId));
        prepared.set(attemptId, plan);
      }
      // offers that were never started, or started at another controller
      for (const oldest of prepared.keys()) {
        if (prepared.size <= PREPARED_MAX) break;
        prepared.delete(oldest);
      }
    },
    async make(attemptId) {
      const ready = prepared.get(attemptId);
      prepared.delete(attemptId);
      return ready === undefined ? makeNow(attemptId) : ready.catch(() => makeNow(attemptId));
    },
  };
}

function finishedOf(facts: StartFacts, key: string) {
  return facts.needs
    .filter((need) => localKey(need.key) === key)
    .flatMap(({ conclusion, continueOnError, outputs }) =>
      conclusion === null ? [] : [{ conclusion, continueOnError, outputs }],
    );
}
