import type { ConcurrencyDefinition } from "@windrow/model";
import { evaluateTemplate } from "../evaluate.ts";
import type { ExpressionContexts } from "../expression-data.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { CONCURRENCY_GROUP_CHARS_MAX } from "../limits.ts";
import { evaluateFlag } from "./evaluate-flag.ts";

/** What a run or job asks of its concurrency group; names of groups are compared without case. */
export interface ConcurrencyRequest {
  readonly group: string;
  readonly cancelInProgress: boolean;
  readonly queue: "single" | "max";
}

/** Throws `ExpressionFailure` also for a group without a name. */
export function evaluateConcurrency(
  { group: template, cancelInProgress, queue }: ConcurrencyDefinition,
  contexts: ExpressionContexts,
): ConcurrencyRequest {
  const group = evaluateTemplate(template, contexts).trim();
  if (group === "") throw new ExpressionFailure(template, "the concurrency group has no name");
  if (group.length > CONCURRENCY_GROUP_CHARS_MAX) {
    throw new ExpressionFailure(
      template,
      `the name of the concurrency group is longer than ${CONCURRENCY_GROUP_CHARS_MAX} characters`,
    );
  }
  return { group, cancelInProgress: evaluateFlag("cancel-in-progress", cancelInProgress, contexts), queue };
}
