import {
  type Conclusion,
  type Diagnostic,
  type JobDefinition,
  jobStatus,
  type MatrixCombination,
  type NeedResult,
  type Value,
} from "@windrow/model";
import { evaluateCondition } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { githubContext, type RunFacts } from "../github-context.ts";
import { type ConcurrencyRequest, evaluateConcurrency } from "./evaluate-concurrency.ts";
import { evaluateFlag } from "./evaluate-flag.ts";
import { evaluateMatrix } from "./evaluate-matrix.ts";
import { type EvaluatedStrategy, evaluateStrategy, placeInMatrix } from "./evaluate-strategy.ts";
import { explainFailure } from "./explain-failure.ts";
import { matrixContext, needsContext, strategyContext } from "./job-contexts.ts";
import { evaluateName, evaluateTimeout } from "./job-keys.ts";
import { placeJob } from "./job-labels.ts";
import { nameJob } from "./job-name.ts";
import { requiredLabels } from "./needs-containers.ts";
import { readCallInputs } from "./read-call-inputs.ts";
import { findCalled, type WorkflowScope } from "./workflow-scope.ts";

export interface JobReadyQuestion {
  /** The file the job stands in. */
  readonly scope: WorkflowScope;
  readonly vars: { readonly [name: string]: string };
  readonly job: JobDefinition;
  readonly matrix: MatrixCombination;
  /** Which combination of the job's matrix this is, from 0, and of how many. */
  readonly jobIndex: number;
  readonly jobTotal: number;
  /** One entry for every direct need; all are finished. */
  readonly needs: readonly NeedResult[];
  /** Results (as `needResult` gives them) of every job this one depends on, directly or not, in any order. */
  readonly ancestors: readonly Conclusion[];
  readonly facts: RunFacts;
  readonly isRunCancelled: boolean;
  /** True when `matrix` is a row of the job's matrix also where that is computed. */
  readonly isExpanded: boolean;
}

export type JobReadyAnswer = JobRunAnswer | JobCallAnswer | JobExpandAnswer | JobSkipAnswer | JobFailAnswer;

export interface JobRunAnswer extends EvaluatedStrategy {
  readonly kind: "run";
  readonly name: string;
  /** Of `runs-on`, and what else its agent must have. */
  readonly labels: readonly string[];
  /** `runs-on.group`. */
  readonly pool?: string;
  readonly continueOnError: boolean;
  readonly timeoutMs: number;
  readonly concurrency?: ConcurrencyRequest;
  /** Name of the environment. */
  readonly environment?: string;
}

/** The job becomes another workflow, whose jobs are to be inserted. */
export interface JobCallAnswer extends EvaluatedStrategy {
  readonly kind: "call";
  readonly name: string;
  readonly uses: string;
  readonly inputs: { readonly [name: string]: Value };
  readonly concurrency?: ConcurrencyRequest;
}

/** The job's matrix is known now: it is asked for each combination again, with `isExpanded`. */
export interface JobExpandAnswer extends EvaluatedStrategy {
  readonly kind: "expand";
  readonly combinations: readonly MatrixCombination[];
}

export interface JobSkipAnswer {
  readonly kind: "skip";
}

/** The job cannot start: an expression failed. `diagnostic` names the job's place in its file. */
export interface JobFailAnswer {
  readonly kind: "fail";
  readonly diagnostic: Diagnostic;
}

/**
 * What becomes of a job whose needs have all finished: evaluates its `if`, then everything that must be known before it
 * is queued. `success()` asks whether every ancestor succeeded and the run is not cancelled, `failure()` whether any
 * ancestor failed; with names of needs they ask only those.
 */
export function decideJobReady(question: JobReadyQuestion): JobReadyAnswer {
  const { job, scope } = question;
  try {
    const contexts = jobContexts(question);
    if (!isJobWanted(question, contexts)) return { kind: "skip" };
    const strategy = evaluateStrategy(job.strategy, contexts);
    if (job.matrixTemplate !== undefined && !question.isExpanded) {
      return { kind: "expand", combinations: evaluateMatrix(job.matrixTemplate, contexts), ...strategy };
    }
    return decideStart(question, strategy, matrixContexts(question, strategy, contexts));
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    const what = `job '${job.key}' cannot start`;
    return { kind: "fail", diagnostic: explainFailure(error, { what, file: scope.source.path, at: job.position }) };
  }
}

/** What the condition and the strategy of a job see. */
export function jobContexts({
  scope,
  vars,
  job,
  needs,
  facts,
}: Pick<JobReadyQuestion, "scope" | "vars" | "job" | "needs" | "facts">): ExpressionContexts {
  return {
    github: githubContext(facts, { jobKey: job.key, source: scope.source }),
    needs: needsContext(needs),
    inputs: scope.inputs,
    vars,
  };
}

/** What all other keys of a job see besides: its row of the matrix. */
export function matrixContexts(
  question: Pick<JobReadyQuestion, "matrix" | "jobIndex" | "jobTotal">,
  strategy: EvaluatedStrategy,
  contexts: ExpressionContexts,
): ExpressionContexts {
  return {
    ...contexts,
    strategy: strategyContext(placeInMatrix(strategy, question)),
    matrix: matrixContext(question.matrix),
  };
}

/** Evaluates a job's `if`. Throws `ExpressionFailure`. */
export function isJobWanted(
  { job, needs, ancestors, isRunCancelled }: Pick<JobReadyQuestion, "job" | "needs" | "ancestors" | "isRunCancelled">,
  contexts: ExpressionContexts,
): boolean {
  const status = (names: readonly string[]) =>
    jobStatus(names.length === 0 ? ancestors : names.map((name) => resultOf(name, needs)), isRunCancelled);
  return evaluateCondition(job.condition, contexts, {
    success: (names) => status(names).success,
    failure: (names) => status(names).failure,
    always: () => true,
    cancelled: () => isRunCancelled,
  });
}

/** Errors: a plain Error with a sentence when the job is no need. */
function resultOf(name: string, needs: readonly NeedResult[]): Conclusion {
  const found = needs.find((need) => need.jobKey.toLowerCase() === name.toLowerCase());
  if (found === undefined) throw new Error(`'${name}' is none of the job's needs`);
  return found.result;
}

function decideStart(
  { job, scope, matrix }: JobReadyQuestion,
  strategy: EvaluatedStrategy,
  contexts: ExpressionContexts,
): JobRunAnswer | JobCallAnswer {
  const concurrency = job.concurrency && evaluateConcurrency(job.concurrency, contexts);
  const common = {
    name: nameJob(job, matrix, contexts),
    ...strategy,
    ...(concurrency !== undefined && { concurrency }),
  };
  if (job.call !== undefined) {
    const called = findCalled(scope.definition, [job.key]);
    if (called === undefined) throw new ExpressionFailure(job.call.uses, `'${job.call.uses}' was not loaded`);
    return { ...common, kind: "call", uses: job.call.uses, inputs: readCallInputs(job.call, called, contexts) };
  }
  const place = placeJob(job, contexts);
  const environment = evaluateName("environment", job.environment?.name, contexts);
  return {
    ...common,
    kind: "run",
    ...place,
    labels: requiredLabels(place.labels, job, contexts),
    continueOnError: evaluateFlag("continue-on-error", job.continueOnError, contexts),
    timeoutMs: evaluateTimeout(job.timeoutMinutes, contexts),
    ...(environment !== undefined && { environment }),
  };
}
