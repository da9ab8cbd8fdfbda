import { isMapping } from "@actions/workflow-parser";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { Template } from "@windrow/model";
import type { Diagnostics } from "../diagnostics.ts";
import { readShell } from "./read-shell.ts";
import { refuse } from "./refuse.ts";
import { entriesOf, positionOf, readTemplateText } from "./tokens.ts";

export interface Defaults {
  readonly shell?: Template;
  readonly workingDirectory?: Template;
}

/** `defaults.run` of a workflow or a job. */
export function readDefaults(token: TemplateToken, diagnostics: Diagnostics): Defaults {
  const defaults: { shell?: Template; workingDirectory?: Template } = {};
  for (const { key, value } of entriesOf(token)) {
    if (key !== "run") continue;
    if (!isMapping(value) && value.isExpression) {
      refuse(diagnostics, positionOf(value), "an expression in place of the map 'run'");
    }
    for (const entry of entriesOf(value)) {
      if (entry.key === "shell") {
        const shell = readShell(entry.value, entry.at, diagnostics);
        if (shell !== undefined) defaults.shell = shell;
      } else if (entry.key === "working-directory") {
        const directory = readTemplateText(entry.value, entry.at, diagnostics);
        if (directory !== undefined) defaults.workingDirectory = directory;
      }
    }
  }
  return defaults;
}
