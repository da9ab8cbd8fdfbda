import type { Outcome } from "./states.ts";

export interface LostFacts {
  readonly infraRetriesUsed: number;
  readonly infraRetriesMax: number;
  readonly cancelRequested: boolean;
  /** An exclusive job waits until no earlier attempt can still be trusted. */
  readonly exclusive: boolean;
  /** How long the lost attempt's lease still lasts; 0 when it ran out. */
  readonly leaseLeftMs: number;
}

/** What becomes of a job whose attempt ended for a reason that is not the job's own. */
export type LostDecision =
  | { readonly kind: "requeue"; readonly delayMs: number }
  | { readonly kind: "finish"; readonly outcome: Extract<Outcome, "lost" | "cancelled"> };

/** The first loss is the machine's bad luck and costs no wait; a job that loses agents again waits a little. */
const REQUEUE_DELAYS_MS = [0, 5_000, 15_000, 60_000] as const;

/** Requeues while the infra budget lasts; a cancelled job ends cancelled, a spent budget ends it lost. */
export function decideLost(facts: LostFacts): LostDecision {
  if (facts.cancelRequested) return { kind: "finish", outcome: "cancelled" };
  if (facts.infraRetriesUsed >= facts.infraRetriesMax) return { kind: "finish", outcome: "lost" };
  const backoffMs = REQUEUE_DELAYS_MS[Math.min(facts.infraRetriesUsed, REQUEUE_DELAYS_MS.length - 1)] ?? 0;
  return { kind: "requeue", delayMs: Math.max(backoffMs, facts.exclusive ? facts.leaseLeftMs : 0) };
}
