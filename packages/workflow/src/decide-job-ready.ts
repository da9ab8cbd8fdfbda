import {
  type Conclusion,
  type Diagnostic,
  JOB_TIMEOUT_MINUTES_DEFAULT,
  type JobDefinition,
  type MatrixCombination,
  type NeedResult,
} from "@windrow/model";
import { evaluateCondition, evaluateValue } from "./evaluate.ts";
import type { ExpressionContexts } from "./expression-data.ts";
import { ExpressionFailure } from "./expression-failure.ts";
import { githubContext, type RunFacts } from "./github-context.ts";
import { matrixContext, needsContext, strategyContext } from "./job-contexts.ts";
import { labelJob } from "./job-labels.ts";
import { nameJob } from "./job-name.ts";
import { JOB_TIMEOUT_MINUTES_MAX } from "./limits.ts";
import { isTimeout } from "./read/read-timeout.ts";
import { strategyOf } from "./resolve-jobs.ts";

export interface JobReadyQuestion {
  readonly job: JobDefinition;
  readonly matrix: MatrixCombination;
  /** Which combination of the job's matrix this is, from 0. */
  readonly jobIndex: number;
  /** One entry for every direct need; all are finished. */
  readonly needs: readonly NeedResult[];
  /** Results (as `needResult` gives them) of every job this one depends on, directly or not, in any order. */
  readonly ancestors: readonly Conclusion[];
  readonly facts: RunFacts;
  readonly isRunCancelled: boolean;
}

export type JobReadyAnswer =
  | {
      readonly kind: "run";
      readonly name: string;
      readonly labels: readonly string[];
      readonly continueOnError: boolean;
      readonly timeoutMs: number;
    }
  | { readonly kind: "skip" }
  /** The job cannot start: an expression failed. `diagnostic` names the job's place in its file. */
  | { readonly kind: "fail"; readonly diagnostic: Diagnostic };

/**
 * What becomes of a job whose needs have all finished: evaluates its `if`, then everything that must be known before it
 * is queued. `success()` asks whether every ancestor succeeded and the run is not cancelled, `failure()` whether any
 * ancestor failed.
 */
export function decideJobReady(question: JobReadyQuestion): JobReadyAnswer {
  const { job, matrix, facts } = question;
  try {
    const github = githubContext(facts, { jobKey: job.key });
    const needs = needsContext(question.needs);
    if (!isWanted(question, { github, needs })) return { kind: "skip" };
    const contexts: ExpressionContexts = {
      github,
      needs,
      strategy: strategyContext(strategyOf(job, question.jobIndex)),
      matrix: matrixContext(matrix),
    };
    return {
      kind: "run",
      name: nameJob(job, matrix, contexts),
      labels: labelJob(job, contexts),
      continueOnError: decideContinueOnError(job.continueOnError, contexts),
      timeoutMs: decideTimeout(job.timeoutMinutes, contexts),
    };
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    return { kind: "fail", diagnostic: explain(question, error) };
  }
}

function isWanted({ job, ancestors, isRunCancelled }: JobReadyQuestion, contexts: ExpressionContexts): boolean {
  return evaluateCondition(job.condition, contexts, {
    success: () => !isRunCancelled && ancestors.every((result) => result === "success"),
    failure: () => !isRunCancelled && ancestors.includes("failure"),
    always: () => true,
    cancelled: () => isRunCancelled,
  });
}

function decideContinueOnError(template: string | undefined, contexts: ExpressionContexts): boolean {
  if (template === undefined) return false;
  const value = evaluateValue(template, contexts);
  const text = String(value ?? "").toLowerCase();
  if (text === "true") return true;
  if (text === "false" || text === "") return false;
  throw new ExpressionFailure(template, `'continue-on-error' must be true or false, not '${text}'`);
}

function decideTimeout(template: string | undefined, contexts: ExpressionContexts): number {
  const value = template === undefined ? "" : evaluateValue(template, contexts);
  const minutes = value === "" || value === null ? JOB_TIMEOUT_MINUTES_DEFAULT : Number(value);
  if (!isTimeout(minutes)) {
    throw new ExpressionFailure(template ?? "", `'timeout-minutes' must be a number above 0, not '${String(value)}'`);
  }
  return Math.ceil(Math.min(minutes, JOB_TIMEOUT_MINUTES_MAX) * 60_000);
}

function explain({ job, facts }: JobReadyQuestion, failure: ExpressionFailure): Diagnostic {
  return {
    severity: "error",
    code: "expression",
    message: `job '${job.key}' cannot start: ${failure.message}`,
    hint: `in the expression: ${failure.expression.slice(0, 200)}`,
    file: facts.workflowPath,
    ...job.position,
  };
}
