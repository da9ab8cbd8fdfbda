import { isBoolean } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Position, StepDefinition, Template, TemplateMap } from "@windrow/model";
import { checkIdentifier } from "../check/check-identifier.ts";
import { checkActionUses } from "../check/check-uses.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { DEFAULT_CONDITION, readCondition } from "./read-condition.ts";
import { readShell } from "./read-shell.ts";
import { readTimeout } from "./read-timeout.ts";
import { refuse } from "./refuse.ts";
import { type Entry, entriesOf, positionOf, readOpenMap, readTemplateList, readTemplateText } from "./tokens.ts";

interface Draft {
  id?: string;
  name?: Template;
  condition: string;
  env: TemplateMap;
  continueOnError?: Template;
  timeoutMinutes?: Template;
  background?: boolean;
  run?: Template;
  shell?: Template;
  workingDirectory?: Template;
  uses?: string;
  with?: TemplateMap;
  wait?: readonly string[] | "all";
  cancel?: string;
}

/** One step, of the kind its keys say; nothing when they say none, and then the reader has complained. */
export function readStep(
  token: TemplateToken,
  position: Position,
  diagnostics: Diagnostics,
): StepDefinition | undefined {
  const draft: Draft = { condition: DEFAULT_CONDITION, env: [] };
  for (const entry of entriesOf(token)) readStepEntry(entry, draft, diagnostics);
  const { run, shell, workingDirectory, uses, with: inputs, wait, cancel, ...common } = draft;
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
  if (uses !== undefined) return { ...common, kind: "uses", uses, with: inputs ?? [], position };
  // As documented, these always run: they have no condition of their own.
  const always = { ...common, condition: "always()", position };
  if (wait !== undefined) return { ...always, kind: "wait", targets: wait };
  return cancel === undefined ? undefined : { ...always, kind: "cancel", target: cancel };
}

function readStepEntry({ key, at, value }: Entry, draft: Draft, diagnostics: Diagnostics): void {
  const text = (): Template | undefined => readTemplateText(value, at, diagnostics);
  switch (key) {
    case "id": {
      const id = text() ?? "";
      checkIdentifier(id, "step", at, diagnostics);
      draft.id = id;
      return;
    }
    case "if":
      draft.condition = readCondition(value, at, diagnostics);
      return;
    case "name":
    case "run":
    case "cancel":
      assign(draft, key, text());
      return;
    case "shell":
      assign(draft, "shell", readShell(value, at, diagnostics));
      return;
    case "working-directory":
      assign(draft, "workingDirectory", text());
      return;
    case "env":
      draft.env = readOpenMap(value, "env", diagnostics);
      return;
    case "continue-on-error":
      assign(draft, "continueOnError", text());
      return;
    case "timeout-minutes":
      assign(draft, "timeoutMinutes", readTimeout(value, at, diagnostics));
      return;
    case "uses":
      draft.uses = text()?.trim() ?? "";
      checkActionUses(draft.uses, positionOf(value, at), diagnostics);
      return;
    case "with":
      draft.with = readOpenMap(value, "with", diagnostics);
      return;
    case "background":
      if (isBoolean(value) && value.value) draft.background = true;
      return;
    case "wait":
      draft.wait = readTemplateList(value, at, diagnostics);
      return;
    case "wait-all":
      draft.wait = "all";
      if (isBoolean(value) && !value.value) {
        const message = "'wait-all' is true or left empty";
        diagnostics.error(positionOf(value, at), { code: "unexpected-value", message, hint: "remove the step" });
      }
      return;
    default:
      refuse(diagnostics, at, `'${key}' of a step`);
  }
}

type TextKey = "name" | "run" | "shell" | "workingDirectory" | "continueOnError" | "timeoutMinutes" | "cancel";

function assign(draft: Draft, key: TextKey, text: Template | undefined): void {
  if (text !== undefined) draft[key] = text;
}
