import type {
  Conclusion,
  Diagnostic,
  JobDefinition,
  MatrixCombination,
  Value,
  WorkflowDefinition,
} from "@windrow/model";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import type { RunFacts } from "../github-context.ts";
import { CALL_LEVELS_MAX } from "../limits.ts";
import { isJobWanted, jobContexts, matrixContexts } from "./decide-job-ready.ts";
import { decideRunStart } from "./decide-run-start.ts";
import type { ConcurrencyRequest } from "./evaluate-concurrency.ts";
import { evaluateMatrix } from "./evaluate-matrix.ts";
import { evaluateStrategy } from "./evaluate-strategy.ts";
import { explainFailure } from "./explain-failure.ts";
import { assumedNeed, unknownInputs, unknownRow, unlessUnknown } from "./not-known-yet.ts";
import { type PreviewedKeys, previewJob } from "./preview-job.ts";
import { listCallInputs, readCallInputs } from "./read-call-inputs.ts";
import { listAncestors, sortByNeeds } from "./walk-needs.ts";
import { findCalled, openScope, type WorkflowScope } from "./workflow-scope.ts";

/** One job as it would run, or why it would not. */
export interface PreviewJob extends PreviewedKeys {
  /** Unique in the preview: keys of the calling jobs and its own, and its number in a matrix: `deploy / build (2)`. */
  readonly id: string;
  readonly key: string;
  readonly matrix: MatrixCombination;
  readonly needs: readonly string[];
  /** `if` as written; absent where there is none. */
  readonly condition?: string;
  /** Why it would not run, in a sentence. */
  readonly skippedBecause?: string;
  /** Of a job that calls a workflow; the jobs of that follow, when it is loaded. */
  readonly uses?: string;
}

export interface RunPreview {
  readonly title?: string;
  readonly concurrency?: ConcurrencyRequest;
  readonly jobs: readonly PreviewJob[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface PreviewQuestion {
  readonly definition: WorkflowDefinition;
  readonly facts: RunFacts;
  readonly inputs: { readonly [name: string]: Value };
  readonly vars: { readonly [name: string]: string };
}

/**
 * Every job that would run when all that run succeed, in the order of the file and its matrices. A job whose matrix
 * waits for the outputs of others stands once; `unknown` names what is not known yet. Jobs of called workflows follow
 * their call where these are loaded. Never throws for what stands in a file.
 */
export function previewRun({ definition, facts, inputs, vars }: PreviewQuestion): RunPreview {
  const source = { repository: facts.repository, path: definition.path, ref: facts.ref, sha: facts.sha };
  const scope: WorkflowScope = { definition, source, inputs: previewInputs(definition, facts, inputs) };
  const diagnostics: Diagnostic[] = [];
  const jobs = previewFile({ scope, facts, vars, caller: undefined, depth: 1, diagnostics });
  const start = decideRunStart({ scope, vars, facts });
  if ("diagnostic" in start) return { jobs, diagnostics: [start.diagnostic, ...diagnostics] };
  return { ...start, jobs, diagnostics };
}

/** A file that is looked at by itself and is there to be called: what it would be given is not known. */
function previewInputs(
  { triggers }: WorkflowDefinition,
  { eventName }: RunFacts,
  given: PreviewQuestion["inputs"],
): PreviewQuestion["inputs"] {
  const called = triggers.find((trigger) => trigger.event === "workflow_call")?.inputs;
  if (called === undefined || triggers.some((trigger) => trigger.event === eventName)) return given;
  const names = called.map((input) => input.name).filter((name) => !Object.hasOwn(given, name));
  return Object.defineProperties(unknownInputs(names), Object.getOwnPropertyDescriptors(given));
}

interface FilePreview {
  readonly scope: WorkflowScope;
  readonly facts: RunFacts;
  readonly vars: PreviewQuestion["vars"];
  /** Id of the calling job. */
  readonly caller: string | undefined;
  /** 1 for the run's own file. */
  readonly depth: number;
  readonly diagnostics: Diagnostic[];
}

function previewFile(file: FilePreview): PreviewJob[] {
  const { jobs } = file.scope.definition;
  const results = new Map<string, Conclusion>();
  const byKey = new Map<string, readonly PreviewJob[]>();
  for (const job of sortByNeeds(jobs)) {
    const previewed = previewKey(file, job, results);
    results.set(job.key, previewed.result);
    byKey.set(job.key, previewed.jobs);
  }
  return jobs.flatMap((job) => byKey.get(job.key) ?? []);
}

function previewKey(
  file: FilePreview,
  job: JobDefinition,
  results: ReadonlyMap<string, Conclusion>,
): { readonly jobs: readonly PreviewJob[]; readonly result: Conclusion } {
  const { scope, facts, vars } = file;
  const resultOf = (key: string) => results.get(key) ?? "skipped";
  const needs = job.needs.map((key) => assumedNeed(key, resultOf(key)));
  const ancestors = listAncestors(scope.definition.jobs, job.key).map(resultOf);
  const contexts = jobContexts({ scope, vars, job, needs, facts });
  try {
    const isWanted = unlessUnknown(() => isJobWanted({ job, needs, ancestors, isRunCancelled: false }, contexts));
    if (isWanted !== false) {
      const unknown = isWanted === undefined ? ["if"] : [];
      return { jobs: previewRows(file, { job, contexts, unknown }), result: "success" };
    }
    const missing = needs.find((need) => need.result !== "success")?.jobKey;
    const skippedBecause =
      missing === undefined
        ? `its condition is false: ${writtenCondition(job) ?? "an earlier job would not run"}`
        : `it needs '${missing}', which would not run`;
    return { jobs: [{ ...describe(file, job), skippedBecause }], result: "skipped" };
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    const what = `job '${job.key}' cannot start`;
    file.diagnostics.push(explainFailure(error, { what, file: scope.source.path, at: job.position }));
    return {
      jobs: [{ ...describe(file, job), skippedBecause: `it cannot start: ${error.message}` }],
      result: "failure",
    };
  }
}

/** What of a job is in its file alone. */
function describe({ caller }: FilePreview, job: JobDefinition): PreviewJob {
  const condition = writtenCondition(job);
  return {
    id: caller === undefined ? job.key : `${caller} / ${job.key}`,
    key: job.key,
    name: job.key,
    matrix: {},
    needs: job.needs,
    ...(condition !== undefined && { condition }),
    ...(job.call !== undefined && { uses: job.call.uses }),
    unknown: [],
  };
}

function previewRows(
  file: FilePreview,
  { job, contexts, unknown }: { job: JobDefinition; contexts: ExpressionContexts; unknown: readonly string[] },
): PreviewJob[] {
  const described = describe(file, job);
  const { matrixTemplate } = job;
  const strategy = unlessUnknown(() => evaluateStrategy(job.strategy, contexts)) ?? { failFast: true };
  const rows =
    matrixTemplate === undefined ? job.matrix : unlessUnknown(() => evaluateMatrix(matrixTemplate, contexts));
  if (rows === undefined) {
    const seen = unknownRow(contexts);
    const row = previewJob(job, {}, seen);
    const jobs = [{ ...described, ...row, unknown: [...unknown, "matrix", ...row.unknown] }];
    return [...jobs, ...previewCall(file, job, seen)];
  }
  return rows.flatMap((matrix, jobIndex) => {
    const seen = matrixContexts({ matrix, jobIndex, jobTotal: rows.length }, strategy, contexts);
    const row = previewJob(job, matrix, seen);
    const id = rows.length === 1 ? described.id : `${described.id} (${jobIndex + 1})`;
    const one = { ...described, ...row, id, matrix, unknown: [...unknown, ...row.unknown] };
    return [one, ...previewCall(file, job, seen, id)];
  });
}

/** The jobs of the workflow a job calls; none where it is not loaded, or nested deeper than allowed. */
function previewCall(
  file: FilePreview,
  job: JobDefinition,
  contexts: ExpressionContexts,
  id: string = describe(file, job).id,
): PreviewJob[] {
  const { scope, facts } = file;
  const { call } = job;
  const called = call === undefined ? undefined : findCalled(scope.definition, [job.key]);
  if (call === undefined || called === undefined || file.depth >= CALL_LEVELS_MAX) return [];
  const inputs =
    unlessUnknown(() => readCallInputs(call, called, contexts)) ??
    unknownInputs(listCallInputs(called).map((input) => input.name));
  const inner = openScope(scope, [{ jobKey: job.key, inputs }], facts.trust);
  return inner === undefined ? [] : previewFile({ ...file, scope: inner, caller: id, depth: file.depth + 1 });
}

function writtenCondition({ condition }: JobDefinition): string | undefined {
  if (condition === "success()") return undefined;
  return /^success\(\) && \((.*)\)$/s.exec(condition)?.[1] ?? condition;
}
