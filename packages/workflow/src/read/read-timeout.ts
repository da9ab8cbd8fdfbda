import { isString } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position, Template } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { JOB_TIMEOUT_MINUTES_MAX } from "../limits.ts";
import { positionOf, readTemplateText } from "./tokens.ts";

/** A `timeout-minutes`: a number above 0, which may be a fraction, or an expression that is checked when it is known. */
export function readTimeout(token: TemplateToken, at: Position, diagnostics: Diagnostics): Template | undefined {
  const template = readTemplateText(token, at, diagnostics);
  if (template === undefined || template.includes("${{")) return template;
  // A text was complained about by the reader.
  if (isString(token)) return undefined;
  const minutes = Number(template);
  if (!isTimeout(minutes)) {
    const message = `'timeout-minutes' must be a number above 0, not '${template}'`;
    diagnostics.error(positionOf(token, at), { code: "invalid-timeout", message, hint: "for example: 30" });
    return undefined;
  }
  if (minutes > JOB_TIMEOUT_MINUTES_MAX) {
    diagnostics.warning(positionOf(token, at), {
      code: "limit-timeout",
      message: `'timeout-minutes' is ${minutes}; the limit of ${JOB_TIMEOUT_MINUTES_MAX} (five days) applies`,
    });
  }
  return template;
}

/** Whether a number of minutes can be a timeout; one above the limit is shortened when the job is made ready. */
export function isTimeout(minutes: number): boolean {
  return Number.isFinite(minutes) && minutes > 0;
}
