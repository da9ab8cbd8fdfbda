import type { StepDefinition } from "@windrow/model";

/**
 * `github.action` of every step, as documented: the step's id; `__run` for scripts; the action's name without special
 * characters; `_2` or `2` behind the second of the same name.
 */
export function nameActions(steps: readonly StepDefinition[]): string[] {
  const counts = new Map<string, number>();
  return steps.map((step) => {
    if (step.id !== undefined) return step.id;
    const name = step.kind === "uses" ? step.uses.replace(/@.*$/, "").replace(/[^A-Za-z0-9]/g, "") : "__run";
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : step.kind === "uses" ? `${name}${count}` : `${name}_${count}`;
  });
}
