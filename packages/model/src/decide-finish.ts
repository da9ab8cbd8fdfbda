import { decideLost, type LostFacts } from "./decide-lost.ts";
import type { Outcome } from "./states.ts";

export type FinishDecision =
  | { readonly kind: "finish"; readonly outcome: Outcome }
  | { readonly kind: "requeue"; readonly delayMs: number };

/** A report with this reason says that the farm failed, not the job. */
export const INFRA_FAULT_REASON = "infra_fault";

/** True when what the agent reports is the job's own result, which stands whatever else was asked of the job. */
export function isOwnResult(report: { readonly outcome: Outcome; readonly reason: string }): boolean {
  return report.outcome !== "lost" && report.reason !== INFRA_FAULT_REASON;
}

/** The job's own result is accepted as it is; a fault of the farm is retried from the infra budget. */
export function decideFinish(
  report: { readonly outcome: Outcome; readonly reason: string },
  facts: LostFacts,
): FinishDecision {
  return isOwnResult(report) ? { kind: "finish", outcome: report.outcome } : decideLost(facts);
}
