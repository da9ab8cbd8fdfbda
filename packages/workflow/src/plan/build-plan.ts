import {
  CANCEL_INTERRUPT_MS,
  CANCEL_TERMINATE_MS,
  type ContainerDefinition,
  type JobDefinition,
  type Plan,
  type TemplateMap,
} from "@windrow/model";
import { evaluateTemplate } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { pullRequestRefs, type RunFacts } from "../github-context.ts";
import { INSERT } from "../insert-entries.ts";
import { type JobReadyQuestion, jobContexts, matrixContexts } from "./decide-job-ready.ts";
import { evaluateStrategy, placeInMatrix } from "./evaluate-strategy.ts";
import { jobPermissions } from "./job-permissions.ts";
import type { WorkflowScope } from "./workflow-scope.ts";

export interface PlanRequest
  extends Pick<JobReadyQuestion, "scope" | "vars" | "job" | "matrix" | "jobIndex" | "jobTotal" | "needs" | "facts"> {
  /** As `decideJobReady` answered. */
  readonly name: string;
  readonly timeoutMs: number;
}

/** The plan of one job that is ready to run. Throws `ExpressionFailure` when its environment cannot be evaluated. */
export function buildPlan(request: PlanRequest): Plan {
  const { scope, vars, job, matrix, needs, facts, name, timeoutMs } = request;
  const known = jobContexts(request);
  const strategy = evaluateStrategy(job.strategy, known);
  const contexts = matrixContexts(request, strategy, known);
  const environment = planEnvironment(job, contexts);
  return {
    ...pickFacts(facts),
    jobKey: job.key,
    jobName: name,
    matrix,
    strategy: placeInMatrix(strategy, request),
    needs,
    env: mergeEnv(scope.definition.env, job.env),
    defaults: chooseDefaults(scope.definition, job),
    timeoutMs,
    outputs: job.outputs,
    steps: job.steps,
    source: scope.source,
    inputs: scope.inputs,
    vars,
    permissions: jobPermissions(scope, job, facts.trust),
    ...(job.container !== undefined && { container: withoutPositions(job.container) }),
    services: job.services.map(withoutPositions),
    ...(environment !== undefined && { environment }),
    exclusive: environment !== undefined,
    cancelGrace: { interruptMs: CANCEL_INTERRUPT_MS, terminateMs: CANCEL_TERMINATE_MS },
  };
}

/** Where something stands in the file is of no use to who runs it. */
function withoutPositions<T extends ContainerDefinition>(container: T): T {
  const { imagePosition: _image, optionsPosition: _options, volumesPosition: _volumes, ...rest } = container;
  return rest as T;
}

/** Facts may come from a wider object; a plan carries nothing that is not its own. */
function pickFacts(facts: RunFacts): Omit<RunFacts, "eventJson"> {
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
    ...pullRequestRefs(facts),
    eventDigest: facts.eventDigest,
    trust: facts.trust,
    defaultBranch: facts.defaultBranch,
    publicUrl: facts.publicUrl,
  };
}

/** The address of an environment is evaluated by the agent, when the steps have run. */
function planEnvironment(
  { environment }: JobDefinition,
  contexts: ExpressionContexts,
): Plan["environment"] | undefined {
  if (environment === undefined) return undefined;
  const name = evaluateTemplate(environment.name, contexts).trim();
  if (name === "") return undefined;
  return { name, ...(environment.url !== undefined && { url: environment.url }) };
}

/** Variables of the workflow, then of the job; a name stands once, where it stood last, and what is inserted stays. */
function mergeEnv(workflow: TemplateMap, job: TemplateMap): TemplateMap {
  const all = [...workflow, ...job];
  const last = new Map(all.map(([name], at) => [name, at]));
  return all.filter(([name], at) => name === INSERT || last.get(name) === at);
}

/** As written: like the steps they may read what is known on the agent alone, and a value is never evaluated twice. */
function chooseDefaults(definition: WorkflowScope["definition"], job: JobDefinition): Plan["defaults"] {
  const shell = job.defaults.shell ?? definition.defaults.shell;
  const workingDirectory = job.defaults.workingDirectory ?? definition.defaults.workingDirectory;
  return { ...(shell !== undefined && { shell }), ...(workingDirectory !== undefined && { workingDirectory }) };
}
