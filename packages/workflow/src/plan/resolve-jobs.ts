import type { JobDefinition, MatrixCombination, Plan, Position } from "@windrow/model";
import { compileTemplate } from "../compile-template.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import type { RunFacts } from "../github-context.ts";
import { jobContexts, matrixContexts } from "./decide-job-ready.ts";
import { type EvaluatedStrategy, evaluateStrategy, placeInMatrix } from "./evaluate-strategy.ts";
import { placeJob } from "./job-labels.ts";
import { nameJob } from "./job-name.ts";
import { requiredLabels } from "./needs-containers.ts";
import type { WorkflowScope } from "./workflow-scope.ts";

/** One job to insert: a job of the file in one combination of its matrix. */
export interface JobSeed {
  readonly key: string;
  readonly matrix: MatrixCombination;
  /** Shown until the job is made ready, which may know more. */
  readonly name: string;
  /** Keys of the jobs of the same file it waits for. */
  readonly needs: readonly string[];
  readonly strategy: Plan["strategy"];
  /** Absent when `runs-on` reads the outputs of needs, or fails, which is said when the job is made ready; and of a call. */
  readonly labels?: readonly string[];
  /** The job is another workflow, whose jobs are inserted when it is made ready. */
  readonly isCall: boolean;
  /** The matrix is computed: this one job stands for all its rows until it is made ready. */
  readonly isDynamic: boolean;
  readonly position: Position;
}

/**
 * The jobs of one file in its order and that of its matrices: of the run's own, or of one that was called. Never throws.
 */
export function resolveJobs({
  scope,
  vars,
  facts,
}: {
  readonly scope: WorkflowScope;
  readonly vars: { readonly [name: string]: string };
  readonly facts: RunFacts;
}): JobSeed[] {
  return scope.definition.jobs.flatMap((job) => {
    const isDynamic = job.matrixTemplate !== undefined;
    const known = jobContexts({ scope, vars, job, needs: [], facts });
    const strategy = seedStrategy(job, () => evaluateStrategy(job.strategy, known));
    const jobTotal = job.matrix.length;
    return job.matrix.map((matrix, jobIndex): JobSeed => {
      const contexts = matrixContexts({ matrix, jobIndex, jobTotal }, strategy, known);
      const isLabelled = job.call === undefined && !isDynamic && !readsNeeds([...job.runsOn, job.runsOnGroup ?? ""]);
      const labels = isLabelled
        ? attempt(() => requiredLabels(placeJob(job, contexts).labels, job, contexts))
        : undefined;
      const isNamed = !isDynamic && !readsNeeds([job.name ?? ""]);
      return {
        key: job.key,
        matrix,
        name:
          (isNamed ? attempt(() => nameJob(job, matrix, contexts)) : undefined) ??
          nameJob({ key: job.key }, matrix, contexts),
        needs: job.needs,
        strategy: placeInMatrix(strategy, { jobIndex, jobTotal }),
        ...(labels !== undefined && { labels }),
        isCall: job.call !== undefined,
        isDynamic,
        position: job.position,
      };
    });
  });
}

/** The defaults where the strategy waits for needs, or fails, which is said when the job is made ready. */
function seedStrategy({ strategy }: JobDefinition, evaluate: () => EvaluatedStrategy): EvaluatedStrategy {
  const texts = [strategy.failFast, strategy.maxParallel].filter((one) => typeof one === "string");
  return (readsNeeds(texts) ? undefined : attempt(evaluate)) ?? { failFast: true };
}

function readsNeeds(templates: readonly string[]): boolean {
  const uses = attempt(() =>
    templates
      .flatMap((template) => compileTemplate(template))
      .flatMap((segment) => ("expression" in segment ? segment.expression.uses : [])),
  );
  return uses?.some((use) => use.context === "needs") ?? false;
}

function attempt<T>(evaluate: () => T): T | undefined {
  try {
    return evaluate();
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    return undefined;
  }
}
