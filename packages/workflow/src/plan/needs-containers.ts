import type { ContainerDefinition, JobDefinition } from "@windrow/model";
import { evaluateTemplate } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";

/** What an agent has whose jobs can have containers. */
export const CONTAINER_LABEL = "docker";

/**
 * Whether a job cannot run without an engine of containers, as far as its file shows: Docker actions of repositories are
 * known to the agent alone. An image that comes out empty is no container; one that cannot be known yet counts.
 */
export function needsContainers(
  job: Pick<JobDefinition, "container" | "services" | "steps">,
  contexts: ExpressionContexts,
): boolean {
  const containers = [...(job.container === undefined ? [] : [job.container]), ...job.services];
  return (
    containers.some((container) => hasImage(container, contexts)) ||
    job.steps.some((step) => step.kind === "uses" && step.uses.startsWith("docker://"))
  );
}

/** The labels of `runs-on` and what else its agent must have. */
export function requiredLabels(
  labels: readonly string[],
  job: Pick<JobDefinition, "container" | "services" | "steps">,
  contexts: ExpressionContexts,
): readonly string[] {
  return labels.includes(CONTAINER_LABEL) || !needsContainers(job, contexts) ? labels : [...labels, CONTAINER_LABEL];
}

function hasImage({ image }: ContainerDefinition, contexts: ExpressionContexts): boolean {
  try {
    return evaluateTemplate(image, contexts).trim() !== "";
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    // what is wrong with it is said where it is needed
    return true;
  }
}
