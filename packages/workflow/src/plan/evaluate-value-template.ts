import type { Value, ValueTemplate } from "@windrow/model";
import { evaluateValue } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";

/** Evaluates the texts of a value of the file; one that is a whole expression keeps its type. Throws `ExpressionFailure`. */
export function evaluateValueTemplate(template: ValueTemplate, contexts: ExpressionContexts): Value {
  if (typeof template === "string") return evaluateValue(template, contexts);
  if (template === null || typeof template !== "object") return template;
  if (isList(template)) return template.map((item) => evaluateValueTemplate(item, contexts));
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) => [name, evaluateValueTemplate(value, contexts)]),
  );
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
