import type { Position, StepDefinition } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";

/** Complains about steps that wait for, or end, what is no background step before them. */
export function checkBackground(steps: readonly StepDefinition[], diagnostics: Diagnostics): void {
  const before = new Map<string, StepDefinition>();
  const later = new Set(steps.flatMap((step) => step.id?.toLowerCase() ?? []));
  for (const step of steps) {
    const targets = step.kind === "wait" ? step.targets : step.kind === "cancel" ? [step.target] : [];
    for (const target of targets === "all" ? [] : targets) {
      check(target, step.position, { before, later }, diagnostics);
    }
    if (step.id !== undefined) before.set(step.id.toLowerCase(), step);
  }
}

function check(
  target: string,
  at: Position,
  { before, later }: { before: ReadonlyMap<string, StepDefinition>; later: ReadonlySet<string> },
  diagnostics: Diagnostics,
): void {
  const step = before.get(target.toLowerCase());
  if (step === undefined) {
    const isLater = later.has(target.toLowerCase());
    diagnostics.error(at, {
      code: "unknown-step",
      message: isLater ? `the step '${target}' comes later` : `no step of this job has the id '${target}'`,
      hint: "name a step before this one that has 'background: true' and an 'id'",
    });
  } else if (step.background !== true) {
    diagnostics.error(at, {
      code: "not-background",
      message: `the step '${target}' does not run in the background: it is finished when this step begins`,
      hint: "add 'background: true' to it, or remove it here",
    });
  }
}
