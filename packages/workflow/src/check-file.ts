import type { Diagnostic } from "@windrow/model";
import { parseAction } from "./parse-action.ts";
import { parseSettings } from "./parse-settings.ts";
import { parseWorkflow } from "./parse-workflow.ts";

/** What a file is, by its path: `action.yml` describes an action, `.windrow/settings.yml` holds settings. */
export type FileKind = "workflow" | "action" | "settings";

const ACTION = /(^|\/)action\.ya?ml$/;
const SETTINGS = /(^|\/)\.windrow\/settings\.ya?ml$/;

export function fileKind(path: string): FileKind {
  const slashed = path.replaceAll("\\", "/");
  if (ACTION.test(slashed)) return "action";
  return SETTINGS.test(slashed) ? "settings" : "workflow";
}

/** Every complaint about a workflow file, an action or the settings, whichever the path says it is. */
export function checkFile(file: { readonly path: string; readonly text: string }): readonly Diagnostic[] {
  switch (fileKind(file.path)) {
    case "workflow":
      return parseWorkflow(file).diagnostics;
    case "action":
      return parseAction(file).diagnostics;
    case "settings":
      return parseSettings(file).diagnostics;
  }
}
