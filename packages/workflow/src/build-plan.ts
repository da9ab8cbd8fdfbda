import {
  CANCEL_INTERRUPT_MS,
  CANCEL_TERMINATE_MS,
  type JobDefinition,
  type MatrixCombination,
  type NeedResult,
  type Plan,
  type Template,
  type TemplateMap,
  type WorkflowDefinition,
} from "@windrow/model";
import { evaluateTemplate } from "./evaluate.ts";
import type { ExpressionContexts } from "./expression-data.ts";
import { githubContext, type RunFacts } from "./github-context.ts";
import { matrixContext, needsContext, strategyContext } from "./job-contexts.ts";
import { strategyOf } from "./resolve-jobs.ts";

export interface PlanRequest {
  readonly definition: WorkflowDefinition;
  readonly job: JobDefinition;
  readonly matrix: MatrixCombination;
  readonly jobIndex: number;
  readonly needs: readonly NeedResult[];
  readonly facts: RunFacts;
  /** As `decideJobReady` answered. */
  readonly name: string;
  readonly timeoutMs: number;
}

/** The plan of one job that is ready to run. Throws `ExpressionFailure` when a default cannot be evaluated. */
export function buildPlan({ definition, job, matrix, jobIndex, needs, facts, name, timeoutMs }: PlanRequest): Plan {
  const strategy = strategyOf(job, jobIndex);
  const env = mergeEnv(definition.env, job.env);
  const contexts: ExpressionContexts = {
    github: githubContext(facts, { jobKey: job.key }),
    needs: needsContext(needs),
    strategy: strategyContext(strategy),
    matrix: matrixContext(matrix),
  };
  return {
    ...pickFacts(facts),
    jobKey: job.key,
    jobName: name,
    matrix,
    strategy,
    needs,
    env,
    defaults: evaluateDefaults(definition, job, env, contexts),
    timeoutMs,
    outputs: job.outputs,
    steps: job.steps,
    source: { repository: facts.repository, path: facts.workflowPath, ref: facts.ref, sha: facts.sha },
    inputs: {},
    vars: {},
    permissions: { contents: "read" },
    ...(job.container !== undefined && { container: job.container }),
    services: job.services,
    exclusive: false,
    cancelGrace: { interruptMs: CANCEL_INTERRUPT_MS, terminateMs: CANCEL_TERMINATE_MS },
  };
}

/** Facts may come from a wider object; a plan carries nothing that is not its own. */
function pickFacts(facts: RunFacts): RunFacts {
  return {
    repository: facts.repository,
    sha: facts.sha,
    ref: facts.ref,
    runId: facts.runId,
    runNumber: facts.runNumber,
    runAttempt: facts.runAttempt,
    workflowName: facts.workflowName,
    workflowPath: facts.workflowPath,
    eventName: facts.eventName,
    actor: facts.actor,
    triggeringActor: facts.triggeringActor,
    headRef: facts.headRef,
    baseRef: facts.baseRef,
    eventDigest: facts.eventDigest,
    trust: facts.trust,
    defaultBranch: facts.defaultBranch,
    publicUrl: facts.publicUrl,
    eventJson: facts.eventJson,
  };
}

/** Variables of the workflow, then of the job; a name stands once, where it stood last. */
function mergeEnv(workflow: TemplateMap, job: TemplateMap): TemplateMap {
  const merged = new Map<string, Template>();
  for (const [name, value] of [...workflow, ...job]) {
    merged.delete(name);
    merged.set(name, value);
  }
  return [...merged];
}

function evaluateDefaults(
  definition: WorkflowDefinition,
  job: JobDefinition,
  env: TemplateMap,
  contexts: ExpressionContexts,
): Plan["defaults"] {
  const shell = job.defaults.shell ?? definition.defaults.shell;
  const workingDirectory = job.defaults.workingDirectory ?? definition.defaults.workingDirectory;
  const readsEnv = [shell, workingDirectory].some((template) => template?.includes("env.") ?? false);
  const withEnv = readsEnv ? { ...contexts, env: evaluateEnv(env, contexts) } : contexts;
  return {
    ...(shell !== undefined && { shell: evaluateTemplate(shell, withEnv) }),
    ...(workingDirectory !== undefined && { workingDirectory: evaluateTemplate(workingDirectory, withEnv) }),
  };
}

function evaluateEnv(env: TemplateMap, contexts: ExpressionContexts): { [name: string]: string } {
  return Object.fromEntries(env.map(([name, value]) => [name, evaluateTemplate(value, contexts)]));
}
