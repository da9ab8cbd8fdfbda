import type { LockedRun } from "@windrow/store";

/** A try competes with tries of the same person only: it must never end or delay what a branch really runs. */
export function groupOf({ scope, actor }: Pick<LockedRun, "scope" | "actor">, group: string): string {
  return scope === "try" ? `try of ${actor}: ${group}` : group;
}
