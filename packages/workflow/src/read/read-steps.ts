import { isMapping, isSequence } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position, StepDefinition } from "@windrow/model";
import { checkBackground } from "../check/check-background.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { STEPS_MAX } from "../limits.ts";
import { readStep } from "./read-step.ts";
import { entriesOf, itemsOf, positionOf } from "./tokens.ts";

/**
 * `steps:` of a job or of a composite action. The steps of `parallel:` become background steps, which have an id each
 * (`__parallel_<n>_<m>` where none is written), followed by a step that waits for exactly them.
 */
export function readSteps(token: TemplateToken, at: Position, diagnostics: Diagnostics): StepDefinition[] {
  if (!isSequence(token)) return [];
  const items = itemsOf(token);
  if (items.length === 0) {
    diagnostics.error(at, { code: "no-steps", message: "the list of steps is empty", hint: "add a step" });
  }
  if (items.length > STEPS_MAX) return complainLimit(at, diagnostics);
  const steps: StepDefinition[] = [];
  let parallelCount = 0;
  for (const item of items) {
    if (!isMapping(item)) continue;
    const parallel = entriesOf(item).find((entry) => entry.key === "parallel");
    if (parallel !== undefined) {
      parallelCount += 1;
      const place = positionOf(item, at);
      steps.push(...flatten({ token: parallel.value, at: place, number: parallelCount }, diagnostics));
    } else {
      const step = readStep(item, positionOf(item, at), diagnostics);
      if (step !== undefined) steps.push(step);
    }
  }
  if (steps.length > STEPS_MAX) return complainLimit(at, diagnostics);
  checkIds(steps, token, diagnostics);
  checkBackground(steps, diagnostics);
  return steps;
}

function complainLimit(at: Position, diagnostics: Diagnostics): [] {
  diagnostics.error(at, { code: "limit-steps", message: `the job has more than ${STEPS_MAX} steps` });
  return [];
}

function flatten(
  { token, at, number }: { token: TemplateToken; at: Position; number: number },
  diagnostics: Diagnostics,
): StepDefinition[] {
  const steps: StepDefinition[] = [];
  const targets: string[] = [];
  for (const item of isSequence(token) ? itemsOf(token) : []) {
    const place = positionOf(item, at);
    const step = isMapping(item) ? readStep(item, place, diagnostics) : undefined;
    if (entriesOf(item).some((entry) => entry.key === "background")) {
      const message = "'background' cannot stand in 'parallel', whose steps all run in the background";
      diagnostics.error(place, { code: "invalid-parallel", message, hint: "remove 'background'" });
    }
    if (step?.kind === "run" || step?.kind === "uses") {
      const id = step.id ?? `__parallel_${number}_${targets.length + 1}`;
      targets.push(id);
      steps.push({ ...step, id, background: true });
    } else if (isMapping(item)) {
      diagnostics.error(place, {
        code: "invalid-parallel",
        message: "only steps with 'run' or 'uses' can stand in 'parallel'",
        hint: "move it out of the group",
      });
    }
  }
  return [...steps, { kind: "wait", condition: "always()", env: [], targets, position: at }];
}

function checkIds(steps: readonly StepDefinition[], token: TemplateToken, diagnostics: Diagnostics): void {
  const places = idPlaces(token);
  const seen = new Set<string>();
  for (const { id, position } of steps) {
    if (id === undefined) continue;
    if (seen.has(id.toLowerCase())) {
      diagnostics.error(places.get(`${position.line}:${position.column}`) ?? position, {
        code: "duplicate-id",
        message: `the step id '${id}' stands twice in this job`,
        hint: "ids are compared without case; give each step its own",
      });
    }
    seen.add(id.toLowerCase());
  }
}

/** Where the `id` of each step stands, by the place of the step. */
function idPlaces(token: TemplateToken): Map<string, Position> {
  const places = new Map<string, Position>();
  for (const item of itemsOf(token)) {
    const { line, column } = positionOf(item);
    for (const entry of entriesOf(item)) {
      if (entry.key === "id") places.set(`${line}:${column}`, entry.at);
      else if (entry.key === "parallel" && isSequence(entry.value)) {
        for (const [key, place] of idPlaces(entry.value)) places.set(key, place);
      }
    }
  }
  return places;
}
