import type { ServiceDefinition } from "@windrow/model";
import { type ExpressionFunctions, evaluateValue } from "./evaluate.ts";
import type { ExpressionContexts } from "./expression-data.ts";
import { ExpressionFailure } from "./expression-failure.ts";
import { INSERT } from "./insert-entries.ts";
import { containerFrom } from "./read/read-container.ts";

/** Services with those that an expression gives in its place. Throws `ExpressionFailure`. */
export function expandServices(
  services: readonly ServiceDefinition[],
  contexts: ExpressionContexts,
  functions?: ExpressionFunctions,
): ServiceDefinition[] {
  return services.flatMap((service): ServiceDefinition[] => {
    if (service.name !== INSERT) return [service];
    const map = evaluateValue(service.image, contexts, functions);
    if (map === null || map === "") return [];
    if (typeof map !== "object" || Array.isArray(map)) {
      throw new ExpressionFailure(service.image, "the expression in place of 'services' must give a map");
    }
    const whole = service.image.replace(/^\$\{\{|\}\}$/g, "");
    return Object.keys(map).map((name) => ({ name, ...containerFrom(`(${whole})[${quote(name)}]`) }));
  });
}

const quote = (name: string): string => `'${name.replaceAll("'", "''")}'`;
