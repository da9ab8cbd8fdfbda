import { decideLost, type LostFacts } from "./decide-lost.ts";
import type { Outcome } from "./states.ts";

export type FinishDecision =
  | { readonly kind: "finish"; readonly outcome: Outcome }
  | { readonly kind: "requeue"; readonly delayMs: number };

/** A report with this reason says that the farm failed, not the job. */
export const INFRA_FAULT_REASON = "infra_fault";

/** A report with this reason says that the agent was told to stop and gives the job back. */
export const AGENT_STOPPING_REASON = "agent_stopping";

/** True when what the agent reports is the job's own result, which stands whatever else was asked of the job. */
export function isOwnResult(report: { readonly outcome: Outcome; readonly reason: string }): boolean {
  return report.outcome !== "lost" && report.reason !== INFRA_FAULT_REASON;
}

/**
 * The job's own result is accepted as it is; a fault of the farm is retried from the infra budget. A job that was given
 * back because its agent stops goes to another at once, whatever is left of the budget: somebody asked for that.
 */
export function decideFinish(
  report: { readonly outcome: Outcome; readonly reason: string },
  facts: LostFacts,
): FinishDecision {
  if (isGivenBack(report) && !facts.cancelRequested) return { kind: "requeue", delayMs: 0 };
  return isOwnResult(report) ? { kind: "finish", outcome: report.outcome } : decideLost(facts);
}

/** True when the next try of the job costs nothing. */
export function isGivenBack(report: { readonly outcome: Outcome; readonly reason: string }): boolean {
  return report.outcome === "lost" && report.reason === AGENT_STOPPING_REASON;
}
