export { buildPlan, type PlanRequest } from "./build-plan.ts";
export { type CompiledExpression, type ContextUse, compileExpression } from "./compile-expression.ts";
export { compileTemplate, hasExpression, type TemplateSegment } from "./compile-template.ts";
export { decideJobReady, type JobReadyAnswer, type JobReadyQuestion } from "./decide-job-ready.ts";
export {
  type EnvironmentEntry,
  type EnvironmentFile,
  parseEnvironmentFile,
  parsePathFile,
} from "./environment-file.ts";
export { type ExpressionFunctions, evaluateCondition, evaluateTemplate, evaluateValue } from "./evaluate.ts";
export type { ExpressionContexts } from "./expression-data.ts";
export { ExpressionFailure } from "./expression-failure.ts";
export { type GithubContextPlace, githubContext, type RunFacts, splitRef } from "./github-context.ts";
export { matrixContext, needsContext, strategyContext } from "./job-contexts.ts";
export { FILE_BYTES_MAX, JOB_TIMEOUT_MINUTES_MAX, JOBS_MAX, MATRIX_COMBINATIONS_MAX } from "./limits.ts";
export { type FinishedJob, mergeNeedOutputs, needResult } from "./merge-need-outputs.ts";
export { createParseWorker, type ParseWorker, type ParseWorkerOptions } from "./parse-in-worker.ts";
export { type ParseResult, parseWorkflow } from "./parse-workflow.ts";
export { type JobSeed, resolveJobs } from "./resolve-jobs.ts";
export { type ShellStart, shellArgv, shellExtension } from "./shell-argv.ts";
export { matchTriggers, type TriggerEvent, type TriggerMatch } from "./triggers/match-triggers.ts";
export { type AnnotationPlace, parseWorkflowCommand, type WorkflowCommand } from "./workflow-command.ts";
