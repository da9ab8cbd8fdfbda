import type { JobDefinition, MatrixCombination, Plan, Position, WorkflowDefinition } from "@windrow/model";
import { compileTemplate } from "./compile-template.ts";
import { ExpressionFailure } from "./expression-failure.ts";
import { githubContext, type RunFacts } from "./github-context.ts";
import { matrixContext, strategyContext } from "./job-contexts.ts";
import { labelJob } from "./job-labels.ts";
import { nameJob } from "./job-name.ts";

/** One job to insert: a job of the file in one combination of its matrix. */
export interface JobSeed {
  readonly key: string;
  readonly matrix: MatrixCombination;
  /** Shown until the job is made ready, which may know more. */
  readonly name: string;
  /** Keys of the jobs of the same run it waits for. */
  readonly needs: readonly string[];
  readonly strategy: Plan["strategy"];
  /** Absent when `runs-on` reads the outputs of needs, or fails, which is said when the job is made ready. */
  readonly labels?: readonly string[];
  readonly position: Position;
}

/** The jobs of a run in the order of the file and of their matrices. Never throws. */
export function resolveJobs(definition: WorkflowDefinition, facts: RunFacts): JobSeed[] {
  return definition.jobs.flatMap((job) =>
    job.matrix.map((matrix, jobIndex): JobSeed => {
      const strategy = strategyOf(job, jobIndex);
      const contexts = {
        github: githubContext(facts, { jobKey: job.key }),
        strategy: strategyContext(strategy),
        matrix: matrixContext(matrix),
      };
      const labels = readsNeeds(job.runsOn) ? undefined : attempt(() => labelJob(job, contexts));
      return {
        key: job.key,
        matrix,
        name:
          (readsNeeds([job.name ?? ""]) ? undefined : attempt(() => nameJob(job, matrix, contexts))) ??
          nameJob({ key: job.key }, matrix, contexts),
        needs: job.needs,
        strategy,
        ...(labels !== undefined && { labels }),
        position: job.position,
      };
    }),
  );
}

/** A job's place in its matrix. Without `max-parallel` all may run at once. */
export function strategyOf(job: JobDefinition, jobIndex: number): Plan["strategy"] {
  const jobTotal = job.matrix.length;
  const { failFast, maxParallel } = job.strategy;
  return {
    failFast: failFast !== false,
    jobIndex,
    jobTotal,
    maxParallel: typeof maxParallel === "number" ? maxParallel : jobTotal,
  };
}

function readsNeeds(templates: readonly string[]): boolean {
  return templates
    .flatMap((template) => compileTemplate(template))
    .some((segment) => "expression" in segment && segment.expression.uses.some((use) => use.context === "needs"));
}

function attempt<T>(evaluate: () => T): T | undefined {
  try {
    return evaluate();
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    return undefined;
  }
}
