import type { Template } from "@windrow/model";
import { evaluateValue } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";

/** A key that is true or false, perhaps by an expression; nothing counts as false. Throws `ExpressionFailure`. */
export function evaluateFlag(
  key: string,
  template: Template | boolean | undefined,
  contexts: ExpressionContexts,
): boolean {
  if (template === undefined) return false;
  if (typeof template === "boolean") return template;
  const text = String(evaluateValue(template, contexts) ?? "").toLowerCase();
  if (text === "true") return true;
  if (text === "false" || text === "") return false;
  throw new ExpressionFailure(template, `'${key}' must be true or false, not '${text}'`);
}
