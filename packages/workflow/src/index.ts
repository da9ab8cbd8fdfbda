export { type ContainerRefusal, findContainerRefusals } from "./check/find-container-refusals.ts";
export { checkFile, type FileKind, fileKind } from "./check-file.ts";
export { COMPATIBILITY, type Section } from "./compatibility/compatibility-table.ts";
export type { Entry, Support } from "./compatibility/entry.ts";
export { formatCompatibilityPage } from "./compatibility/format-page.ts";
export { type CompiledExpression, type ContextUse, compileExpression } from "./compile-expression.ts";
export { compileTemplate, hasExpression, type TemplateSegment } from "./compile-template.ts";
export {
  CONVENTIONAL_FILES_READ,
  CONVENTIONAL_PATH,
  type ConventionalWorkflow,
  conventionalWorkflow,
} from "./conventional-workflow.ts";
export { defaultEnvironment } from "./default-environment.ts";
export { detectLanguage, LANGUAGES, type Language } from "./detect-language.ts";
export {
  type EnvironmentEntry,
  type EnvironmentFile,
  parseEnvironmentFile,
  parsePathFile,
} from "./environment-file.ts";
export { type ExpressionFunctions, evaluateCondition, evaluateTemplate, evaluateValue } from "./evaluate.ts";
export { expandServices } from "./expand-services.ts";
export type { ExpressionContexts } from "./expression-data.ts";
export { ExpressionFailure } from "./expression-failure.ts";
export {
  type GithubContextPlace,
  githubContext,
  pullRequestRefs,
  type RunFacts,
} from "./github-context.ts";
export { insertEntries } from "./insert-entries.ts";
export { FILE_BYTES_MAX, JOB_TIMEOUT_MINUTES_MAX, JOBS_MAX, MATRIX_COMBINATIONS_MAX } from "./limits.ts";
export { listCalls } from "./list-calls.ts";
export { type ParseActionResult, parseAction } from "./parse-action.ts";
export { createParseWorker, type ParseWorker, type ParseWorkerOptions } from "./parse-in-worker.ts";
export { type ParseSettingsResult, parseSettings, type Settings } from "./parse-settings.ts";
export { type ParseResult, parseWorkflow } from "./parse-workflow.ts";
export { buildPlan, type PlanRequest } from "./plan/build-plan.ts";
export { type CallOutputs, type CallOutputsQuestion, callOutputs } from "./plan/call-outputs.ts";
export {
  decideJobReady,
  type JobCallAnswer,
  type JobExpandAnswer,
  type JobReadyAnswer,
  type JobReadyQuestion,
  type JobRunAnswer,
} from "./plan/decide-job-ready.ts";
export { decideRunStart, type RunStartAnswer, type RunStartQuestion } from "./plan/decide-run-start.ts";
export type { ConcurrencyRequest } from "./plan/evaluate-concurrency.ts";
export { type JobContextFacts, jobContext } from "./plan/job-context.ts";
export { matrixContext, needsContext, strategyContext } from "./plan/job-contexts.ts";
export { DEFAULT_PERMISSIONS, jobPermissions } from "./plan/job-permissions.ts";
export { type FinishedJob, mergeNeedOutputs, needResult } from "./plan/merge-need-outputs.ts";
export { CONTAINER_LABEL } from "./plan/needs-containers.ts";
export { assumedNeed } from "./plan/not-known-yet.ts";
export { outlivesCancel } from "./plan/outlives-cancel.ts";
export { type PreviewJob, type PreviewQuestion, previewRun, type RunPreview } from "./plan/preview-run.ts";
export { type DispatchInputs, readDispatchInputs } from "./plan/read-dispatch-inputs.ts";
export { type JobSeed, resolveJobs } from "./plan/resolve-jobs.ts";
export { type CallStep, findCalled, openScope, type WorkflowScope } from "./plan/workflow-scope.ts";
export {
  type MatcherRun,
  type ProblemMatcher,
  type ProblemMatchers,
  parseProblemMatchers,
  startMatcher,
} from "./problem-matcher.ts";
export { type ShellStart, shellArgv, shellExtension } from "./shell-argv.ts";
export { type Cron, type CronMoment, matchesCron, parseCron } from "./triggers/cron.ts";
export { matchPatterns } from "./triggers/match-pattern.ts";
export { matchTriggers } from "./triggers/match-triggers.ts";
export { type EventFacts, readTriggerEvent } from "./triggers/read-trigger-event.ts";
export type { PullRequestEvent, PushEvent, TriggerEvent, TriggerMatch } from "./triggers/trigger-event.ts";
export { type AnnotationPlace, parseWorkflowCommand, type WorkflowCommand } from "./workflow-command.ts";
