import type { ContainerDefinition } from "@windrow/model";
import { evaluateTemplate } from "@windrow/workflow";
import type { OpenJob } from "./open-job.ts";

/**
 * What of a job would need a container, in words: the first of its own and its services' whose image does not come out
 * empty, which means none. Throws `ExpressionFailure`.
 */
export function findContainer({ plan, scope }: Pick<OpenJob, "plan" | "scope">): string | undefined {
  const asked: (readonly [string, ContainerDefinition])[] = [
    ...(plan.container === undefined ? [] : [["a container", plan.container] as const]),
    ...plan.services.map((service) => [`the service '${service.name}'`, service] as const),
  ];
  for (const [what, { image }] of asked) {
    const name = evaluateTemplate(image, scope.contexts(), scope.functions).trim();
    if (name !== "") return `${what} of the image '${name}'`;
  }
  return undefined;
}
