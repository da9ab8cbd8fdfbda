import { compileExpression } from "../compile-expression.ts";
import { ExpressionFailure } from "../expression-failure.ts";
import { isJobWanted, type JobReadyQuestion, jobContexts } from "./decide-job-ready.ts";
import { unlessUnknown } from "./not-known-yet.ts";

/**
 * Whether a job still wants to run, or to go on, when its run is cancelled: its `if` is judged again, as documented. A
 * condition that reads what is not known yet (`assumedNeed`) counts as wanted and is judged again when it is known.
 */
export function outlivesCancel(
  question: Pick<JobReadyQuestion, "scope" | "vars" | "job" | "needs" | "ancestors" | "facts">,
): boolean {
  try {
    // most conditions ask success(), which a cancelled run never answers with yes
    if (!compileExpression(question.job.condition).hasStatusFunction) return false;
    return unlessUnknown(() => isJobWanted({ ...question, isRunCancelled: true }, jobContexts(question))) ?? true;
  } catch (error) {
    if (!(error instanceof ExpressionFailure)) throw error;
    return false;
  }
}
