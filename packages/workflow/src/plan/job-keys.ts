import { JOB_TIMEOUT_MINUTES_DEFAULT } from "@windrow/model";
import { evaluateTemplate, evaluateValue } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { JOB_TIMEOUT_MINUTES_MAX } from "../limits.ts";
import { isTimeout } from "../read/read-timeout.ts";

/** A name that may come out empty: then it is as if the key were not there. Throws `ExpressionFailure`. */
export function evaluateName(
  key: string,
  template: string | undefined,
  contexts: ExpressionContexts,
): string | undefined {
  if (template === undefined) return undefined;
  const value = evaluateValue(template, contexts);
  if (value !== null && typeof value === "object") throw new ExpressionFailure(template, `'${key}' must be a text`);
  const name = evaluateTemplate(template, contexts).trim();
  return name === "" ? undefined : name;
}

/** `timeout-minutes` in milliseconds: the documented default when absent, bounded above. Throws `ExpressionFailure`. */
export function evaluateTimeout(template: string | undefined, contexts: ExpressionContexts): number {
  const value = template === undefined ? "" : evaluateValue(template, contexts);
  const minutes = value === "" || value === null ? JOB_TIMEOUT_MINUTES_DEFAULT : Number(value);
  if (!isTimeout(minutes)) {
    throw new ExpressionFailure(template ?? "", `'timeout-minutes' must be a number above 0, not '${String(value)}'`);
  }
  return Math.ceil(Math.min(minutes, JOB_TIMEOUT_MINUTES_MAX) * 60_000);
}
