import type { JobDefinition, Position, StepDefinition, Template } from "@windrow/model";
import { type ContextUse, compileExpression } from "../compile-expression.ts";
import { compileTemplate } from "../compile-template.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { ExpressionFailure } from "../expression-failure.ts";

/** Names that exist at one place of a job, in small letters. */
interface Known {
  readonly needs: ReadonlySet<string>;
  /** Nothing when the matrix could not be read. */
  readonly matrix: ReadonlySet<string> | undefined;
  readonly steps: ReadonlySet<string>;
}

/**
 * Warns of what the language answers with nothing: needs the job does not have, steps that come later or not at all,
 * variables no combination of the matrix has.
 */
export function checkReferences(
  job: JobDefinition,
  { isMatrixKnown }: { isMatrixKnown: boolean },
  diagnostics: Diagnostics,
): void {
  const names = {
    needs: fold(job.needs),
    matrix: isMatrixKnown ? fold(job.matrix.flatMap((combination) => Object.keys(combination))) : undefined,
  };
  const steps = new Set<string>();
  const jobTexts = [job.name, job.timeoutMinutes, job.continueOnError, ...job.runsOn, ...texts(job.env)];
  check(jobTexts, [job.condition], { at: job.position, known: { ...names, steps }, diagnostics });
  for (const step of job.steps) {
    check(stepTexts(step), [step.condition], { at: step.position, known: { ...names, steps }, diagnostics });
    if (step.id !== undefined) steps.add(step.id.toLowerCase());
  }
  check(texts(job.outputs), [], { at: job.position, known: { ...names, steps }, diagnostics });
}

function fold(names: readonly string[]): Set<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}

function texts(map: JobDefinition["env"]): Template[] {
  return map.map(([, value]) => value);
}

function stepTexts(step: StepDefinition): (Template | undefined)[] {
  const common = [step.name, step.continueOnError, step.timeoutMinutes, ...texts(step.env)];
  switch (step.kind) {
    case "run":
      return [...common, step.run, step.shell, step.workingDirectory];
    case "uses":
      return [...common, ...texts(step.with)];
    case "wait":
    case "cancel":
      return common;
  }
}

function check(
  templates: readonly (Template | undefined)[],
  conditions: readonly string[],
  { at, known, diagnostics }: { at: Position; known: Known; diagnostics: Diagnostics },
): void {
  for (const { context, property } of usesOf(templates, conditions)) {
    if (property === undefined) continue;
    if (context !== "needs" && context !== "matrix" && context !== "steps") continue;
    if (known[context]?.has(property.toLowerCase()) ?? true) continue;
    diagnostics.warning(at, {
      code: "unknown-reference",
      message: `'${context}.${property}' is always empty: ${EXPLANATIONS[context]}`,
      hint: HINTS[context],
    });
  }
}

const EXPLANATIONS = {
  needs: "the job does not need a job of that name",
  matrix: "no combination of the matrix has it",
  steps: "no step before this one has that id",
} as const;

const HINTS = {
  needs: "name the job in 'needs'",
  matrix: "check the variables of 'strategy.matrix'",
  steps: "give the step an 'id', and mind the order of the steps",
} as const;

function usesOf(templates: readonly (Template | undefined)[], conditions: readonly string[]): ContextUse[] {
  try {
    const inTemplates = templates
      .filter((template) => template?.includes("${{") ?? false)
      .flatMap((template) => compileTemplate(template ?? ""))
      .flatMap((segment) => ("expression" in segment ? segment.expression.uses : []));
    return [...inTemplates, ...conditions.flatMap((condition) => compileExpression(condition).uses)];
  } catch (error) {
    // An expression that does not compile was complained about where it stands.
    if (!(error instanceof ExpressionFailure)) throw error;
    return [];
  }
}
