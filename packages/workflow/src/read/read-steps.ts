import { isMapping, isSequence } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position, StepDefinition, Template, TemplateMap } from "@windrow/model";
import { checkIdentifier } from "../check/check-identifier.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { STEPS_MAX } from "../limits.ts";
import { readCheckout } from "./read-checkout.ts";
import { DEFAULT_CONDITION, readCondition } from "./read-condition.ts";
import { readShell } from "./read-shell.ts";
import { readTimeout } from "./read-timeout.ts";
import { refuse } from "./refuse.ts";
import { type Entry, entriesOf, itemsOf, positionOf, readTemplateMap, readTemplateText } from "./tokens.ts";

interface Draft {
  id?: string;
  name?: Template;
  condition: string;
  env: TemplateMap;
  continueOnError?: Template;
  timeoutMinutes?: Template;
  run?: Template;
  shell?: Template;
  workingDirectory?: Template;
  uses?: { readonly text: string; readonly at: Position };
  with?: Entry;
}

/** `steps:` of a job. */
export function readSteps(token: TemplateToken, at: Position, diagnostics: Diagnostics): StepDefinition[] {
  if (!isSequence(token)) return [];
  const items = itemsOf(token);
  if (items.length === 0) {
    diagnostics.error(at, { code: "no-steps", message: "the list of steps is empty", hint: "add a step" });
  }
  if (items.length > STEPS_MAX) {
    diagnostics.error(at, { code: "limit-steps", message: `the job has more than ${STEPS_MAX} steps` });
    return [];
  }
  const steps: StepDefinition[] = [];
  const ids = new Set<string>();
  for (const item of items) {
    if (!isMapping(item)) continue;
    const step = readStep(item, positionOf(item, at), ids, diagnostics);
    if (step !== undefined) steps.push(step);
  }
  return steps;
}

function readStep(
  token: TemplateToken,
  position: Position,
  ids: Set<string>,
  diagnostics: Diagnostics,
): StepDefinition | undefined {
  const draft: Draft = { condition: DEFAULT_CONDITION, env: [] };
  for (const entry of entriesOf(token)) readStepEntry(entry, draft, ids, diagnostics);
  const { run, shell, workingDirectory, uses, with: inputs, ...common } = draft;
  if (run !== undefined) {
    return {
      ...common,
      kind: "run",
      run,
      ...(shell !== undefined && { shell }),
      ...(workingDirectory !== undefined && { workingDirectory }),
      position,
    };
  }
  if (uses === undefined) return undefined;
  return {
    ...common,
    kind: "uses",
    uses: uses.text,
    with: readCheckout({ uses: uses.text, at: uses.at, inputs }, diagnostics),
    position,
  };
}

function readStepEntry({ key, at, value }: Entry, draft: Draft, ids: Set<string>, diagnostics: Diagnostics): void {
  const text = (): Template | undefined => readTemplateText(value, at, diagnostics);
  switch (key) {
    case "id":
      readId(text() ?? "", at, draft, ids, diagnostics);
      return;
    case "name":
      assign(draft, "name", text());
      return;
    case "if":
      draft.condition = readCondition(value, at, diagnostics);
      return;
    case "run":
      assign(draft, "run", text());
      return;
    case "shell":
      assign(draft, "shell", readShell(value, at, diagnostics));
      return;
    case "working-directory":
      assign(draft, "workingDirectory", text());
      return;
    case "env":
      draft.env = readTemplateMap(value, "env", diagnostics);
      return;
    case "continue-on-error":
      assign(draft, "continueOnError", text());
      return;
    case "timeout-minutes":
      assign(draft, "timeoutMinutes", readTimeout(value, at, diagnostics));
      return;
    case "uses":
      draft.uses = { text: text() ?? "", at: positionOf(value, at) };
      return;
    case "with":
      draft.with = { key, at, value };
      return;
    default:
      refuse(diagnostics, at, `'${key}' of a step`, "steps run one after the other");
  }
}

type TextKey = "name" | "run" | "shell" | "workingDirectory" | "continueOnError" | "timeoutMinutes";

function assign(draft: Draft, key: TextKey, text: Template | undefined): void {
  if (text !== undefined) draft[key] = text;
}

function readId(id: string, at: Position, draft: Draft, ids: Set<string>, diagnostics: Diagnostics): void {
  checkIdentifier(id, "step", at, diagnostics);
  if (ids.has(id.toLowerCase())) {
    diagnostics.error(at, {
      code: "duplicate-id",
      message: `the step id '${id}' stands twice in this job`,
      hint: "ids are compared without case; give each step its own",
    });
  }
  ids.add(id.toLowerCase());
  draft.id = id;
}
