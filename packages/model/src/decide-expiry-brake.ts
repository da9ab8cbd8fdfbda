export interface BrakeFacts {
  /** Agents of the pool that are connected, suspect, or lost within the window. */
  readonly agentsCount: number;
  /** Of those: lost within the window, or about to be. */
  readonly lostCount: number;
  /** The pool's present or last hold; null when it never was held. */
  readonly heldUntilMs: number | null;
  readonly nowMs: number;
}

export type BrakeDecision =
  | { readonly kind: "expire" }
  /** Expire nothing until `untilMs`; `alert` is true when the hold begins. */
  | { readonly kind: "hold"; readonly untilMs: number; readonly alert: boolean };

export const BRAKE_AGENTS_MIN = 4;
export const BRAKE_WINDOW_MS = 10_000;
export const BRAKE_HOLD_MS = 300_000;

/**
 * When most of a pool seems lost at once it is more likely our own network than so many machines: nothing is expired
 * for a while. A hold ends when the agents are back, or after its time; the next one may begin only as long after it
 * again, so that a pool that is truly gone is given up.
 */
export function decideExpiryBrake(facts: BrakeFacts): BrakeDecision {
  const mostAreGone = facts.agentsCount >= BRAKE_AGENTS_MIN && facts.lostCount * 2 > facts.agentsCount;
  if (!mostAreGone) return { kind: "expire" };
  const { heldUntilMs, nowMs } = facts;
  if (heldUntilMs !== null && heldUntilMs > nowMs) return { kind: "hold", untilMs: heldUntilMs, alert: false };
  if (heldUntilMs !== null && nowMs - heldUntilMs < BRAKE_HOLD_MS) return { kind: "expire" };
  return { kind: "hold", untilMs: nowMs + BRAKE_HOLD_MS, alert: true };
}
